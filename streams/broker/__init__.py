"""Kafka between the stages: topics, codec, handlers, two drivers, producing, and what is checked afterwards."""
