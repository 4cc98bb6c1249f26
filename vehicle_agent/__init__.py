"""The vehicle's onboard computer: store, visits, services and the nurse's pages."""
