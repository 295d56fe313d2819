"""GGUF models in this process, by llama.cpp; others take parts of it, so that nothing is imported here."""
