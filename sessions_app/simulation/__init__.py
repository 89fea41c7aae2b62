"""Workloads played through the scheduling kernel in virtual time. No database, no models."""
