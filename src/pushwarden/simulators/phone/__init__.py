"""The simulated phone: registers itself and shows the pushes the APNs simulator holds for it."""
