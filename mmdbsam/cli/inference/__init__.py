"""What ``mmdbsam infer`` adds to inference: prompts and results in files."""
