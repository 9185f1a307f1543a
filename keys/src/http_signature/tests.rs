//! Published vectors: RFC 9421 (keys of appendix B.1) and draft-cavage-http-signatures-12, appendix C.

use super::*;
use crate::testing::{hex, seeded};

const RFC9421_PRIVATE: &str = include_str!("rfc9421_private.pem");
const RFC9421_PUBLIC: &str = include_str!("rfc9421_public.pem");
const CAVAGE_PRIVATE: &str = include_str!("cavage_private.pem");
const CAVAGE_PUBLIC: &str = include_str!("cavage_public.pem");

/// RFC 9421 section 4.3: what the proxy signs with `test-key-rsa`, `rsa-v1_5-sha256`.
const RFC9421_BASE: &str = concat!(
    "\"@method\": POST\n",
    "\"@authority\": origin.host.internal.example\n",
    "\"@path\": /foo\n",
    "\"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n",
    "\"content-type\": application/json\n",
    "\"content-length\": 18\n",
    "\"forwarded\": for=192.0.2.123;host=example.com;proto=https\n",
    "\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-type\" \"content-length\" \"forwarded\")",
    ";created=1618884480;keyid=\"test-key-rsa\";alg=\"rsa-v1_5-sha256\";expires=1618884540",
);
/// The signature over it, in hex.
const RFC9421_SIGNATURE: &str = "4ba6733d749d00c38f8cdffa2977d758d3bf7fb57a7079bb057614877603fdf45a7780426916713fe247fbc5d8d48ebef02cbe08ce60f76887831b513f3f8c8e788e69899d9037272fd702a57265797b0e724a54465e3d1b08b2529675d0a1e03847b5d6cc771b683123c4b48e7c5007e3eeebc53dbd571ab2a39600439bb4d28a65df2d485bbb2c1e5802fd11006841f2d9a9bfbb059c89bdcbeed7e645d07e2f0d31a65a03c8b6647c2905d83b6ba08c7f09e7aed7e5cef65d5c0b03dcb1f64f07af53efcf04fbf407a34c364f77c14b3fbdf26fc9ef98b88f3b1d4dfc9591e8c2dce76cb55da7bef423a54747a59f812f5d7738abaecc2c135c39a342d5fe";

/// RFC 9421 appendix B.2.6: base and signature with `test-key-ed25519`.
const ED25519_BASE: &str = concat!(
    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n",
    "\"@method\": POST\n",
    "\"@path\": /foo\n",
    "\"@authority\": example.com\n",
    "\"content-type\": application/json\n",
    "\"content-length\": 18\n",
    "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")",
    ";created=1618884473;keyid=\"test-key-ed25519\"",
);
const ED25519_SIGNATURE: &str = "c2a700a9b9982768e2da095f00c691cb882bb98627c769c414dd8737a8eb9c39d008ad6ed3619bd38bfd10383050f8aee00d30eafb90bf9948a7958fa412910b";
/// RFC 9421 appendix B.1.4.
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";

/// Appendix C of the draft: what is signed, and the signature in hex.
const CAVAGE: [[&str; 2]; 3] = [
    [
        "date: Sun, 05 Jan 2014 21:31:40 GMT",
        "4a358959b58dee2d30cc1bed3e5f2b6c0496cf9c505ba99c2669fe89bb6d06ab627cb37b49acf3ea6efd70d7f0c1bf03309e5ca2ed6ceee10628a0acf852c411a0d5e65a7bab6e56a92fa56af83b4fc85cd06a696ae07a85b804293c1b9431d8184b5b1a6b5d1e054293d4ae4b5dc5d2167c143d24ff93b110f5dee56a33b1b3",
    ],
    [
        "(request-target): post /foo?param=value&pet=dog\nhost: example.com\ndate: Sun, 05 Jan 2014 21:31:40 GMT",
        "a9dc7e1fb3c71c3660cb8cbf0219fd4e7cbd57718fe988013f2517326a315ad2db1e95275d2da6836f926eb403302272a7104b48f411d9a0239fb9dd9b0da289cc371cc6def157c474a15846ace273e79f91bde79dd8afff1d714870c959e496931dc1bad9584ae06c90bbba91df45b30b5e9abde581d0c49a7d38b30af63acd",
    ],
    [
        concat!(
            "(request-target): post /foo?param=value&pet=dog\nhost: example.com\n",
            "date: Sun, 05 Jan 2014 21:31:40 GMT\ncontent-type: application/json\n",
            "digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\ncontent-length: 18",
        ),
        "bd276b6fe752dc471e0bd6dcc074a8e0c972292e7d88522b860624cfcfa854b104ce661966f46cf2b80ea7eeb72c4337bfe3051c1df635fa41d9b10a048bc1d6ae762da1141c5bf5db4574d482fe4c00f8f1768445916e916807a014cb321612d866f9d605b1a5e22af249d198f9d878f6c5e4c3a4474664972e33287eecd5d1",
    ],
];

#[test]
fn rsa_signs_and_verifies_as_rfc_9421_says() {
    let (private, public) = (
        HttpSigningKey::from_pem(RFC9421_PRIVATE).unwrap(),
        HttpVerifyKey::from_pem(RFC9421_PUBLIC).unwrap(),
    );
    let signature = private.sign(RFC9421_BASE.as_bytes(), &mut seeded(1)).unwrap();
    assert_eq!(signature, hex(RFC9421_SIGNATURE));
    assert_eq!(private.public(), public);
    public.verify(RFC9421_BASE.as_bytes(), &signature).unwrap();
}

#[test]
fn ed25519_verifies_as_rfc_9421_says() {
    let key = HttpVerifyKey::from_pem(ED25519_PUBLIC).unwrap();
    let signature = hex(ED25519_SIGNATURE);
    key.verify(ED25519_BASE.as_bytes(), &signature).unwrap();
    assert_eq!(key.verify(b"", &signature), Err(BadSignature));
    assert_eq!(key.verify(ED25519_BASE.as_bytes(), &signature[1..]), Err(BadSignature));
}

/// The draft's key has 1024 bits: right, but too small to be taken from anybody.
#[test]
fn rsa_signs_and_verifies_as_the_draft_says() {
    let private = RsaPrivateKey::from_pkcs1_pem(CAVAGE_PRIVATE).map(HttpSigningKey).unwrap();
    let public = RsaPublicKey::from_public_key_pem(CAVAGE_PUBLIC).map(HttpVerifyKey::Rsa).unwrap();
    for [text, signature] in CAVAGE {
        assert_eq!(
            private.sign(text.as_bytes(), &mut seeded(2)).unwrap(),
            hex(signature),
            "{text}"
        );
        public.verify(text.as_bytes(), &hex(signature)).unwrap();
    }
    assert_eq!(HttpSigningKey::from_pem(CAVAGE_PRIVATE).unwrap_err(), HttpKeyError::Size(1024));
    assert_eq!(HttpVerifyKey::from_pem(CAVAGE_PUBLIC), Err(HttpKeyError::Size(1024)));
}

#[test]
fn a_changed_message_signature_or_key_does_not_verify() {
    let private = HttpSigningKey::from_pem(RFC9421_PRIVATE).unwrap();
    let other = HttpSigningKey::generate(&mut seeded(3)).unwrap();
    let signature = private.sign(b"message", &mut seeded(4)).unwrap();
    private.public().verify(b"message", &signature).unwrap();
    assert_eq!(private.public().verify(b"Message", &signature), Err(BadSignature));
    assert_eq!(other.public().verify(b"message", &signature), Err(BadSignature));
    for at in [0, 100, 255] {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert_eq!(private.public().verify(b"message", &changed), Err(BadSignature), "{at}");
    }
    for bad in [&signature[1..], &[], &[signature.as_slice(), &[0]].concat()] {
        assert_eq!(private.public().verify(b"message", bad), Err(BadSignature));
    }
}

#[test]
fn keys_are_read_back_from_what_was_written() {
    let key = HttpSigningKey::generate(&mut seeded(5)).unwrap();
    let pem = key.to_pkcs8_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    let again = HttpSigningKey::from_pem(&pem).unwrap();
    assert_eq!(again.public(), key.public());
    let public = key.public_pem().unwrap();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(HttpVerifyKey::from_pem(&public).unwrap(), key.public());
    assert_eq!(HttpVerifyKey::from_pem(&format!("\n {public} \n")).unwrap(), key.public());
    assert_eq!(format!("{key:?} {:?}", key.public()), "HttpSigningKey HttpVerifyKey(RSA)");
}

/// The example of the DID method `key`, which is the same encoding, and the key of RFC 9421.
#[test]
fn a_multikey_is_read() {
    let key =
        HttpVerifyKey::from_multikey("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK").unwrap();
    let HttpVerifyKey::Ed25519(bytes) = key else { panic!("{key:?}") };
    assert_eq!(
        bytes.to_string(),
        "2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6"
    );
    let long = format!("z{}", "6".repeat(100));
    for bad in
        ["", "z", "6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "z6Mk0", "z6MkhaXg", &long]
    {
        assert_eq!(HttpVerifyKey::from_multikey(bad), Err(HttpKeyError::Format), "{bad}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let long = format!("{RFC9421_PUBLIC}{}", " ".repeat(PEM_BYTES_MAX));
    for bad in
        ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", RFC9421_PRIVATE, &long]
    {
        assert_eq!(HttpVerifyKey::from_pem(bad), Err(HttpKeyError::Format), "{bad}");
    }
    assert_eq!(HttpSigningKey::from_pem(RFC9421_PUBLIC).unwrap_err(), HttpKeyError::Format);
}
