"""Commands that train, publish and compare coaches."""
