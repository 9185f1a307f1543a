//! Secret bytes: node identity, server RSA key, auth keys, sealed boxes, at-rest sealing.
