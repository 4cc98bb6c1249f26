"""What both web sides share: base page, status words, drawing, assets."""
