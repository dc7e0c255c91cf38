"""Strangers' files are read here: by a fresh child of a fork server each, which has hard limits and no descriptors."""
