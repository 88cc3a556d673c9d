"""Pictures made for people to look at: grids, contact sheets, scatter plots, pages."""
