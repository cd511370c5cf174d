"""Loading models and adapters; kernels that their layers can use."""
