"""The health-model language: load, validate, hash. Pure: text in, frozen values out."""
