"""All SQL of the service: one module for each aggregate. Nothing here commits."""
