"""The main job on one machine without root: realservers on loopback and an IPVS table in memory."""
