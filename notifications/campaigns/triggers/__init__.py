"""What single customers do, or what happens to them, that lets them enter a campaign: noticed, awaited, collected."""
