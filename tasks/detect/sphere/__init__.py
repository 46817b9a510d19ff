"""People in 360 spheres: searched in a few views, found once each, cut out as flat views."""
