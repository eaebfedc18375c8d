"""Control charts: chart types give a centre and a sigma, rules mark points by their distance in sigmas."""
