"""Test sets, and comparing one data set with another."""
