"""What the deployment says, held against what the code does: no Azure is needed."""
