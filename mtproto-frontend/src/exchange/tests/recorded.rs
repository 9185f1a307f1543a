//! The published sample exchange, byte by byte where the server key and g allow it.
//!
//! Telegram's private key and its exponent are not published, so `req_DH_params` is made here; the
//! client's other messages and our `resPQ` are those of the sample.
//! Source: <https://core.telegram.org/mtproto/samples-auth_key>

use std::convert::Infallible;

use rand_core::{Rng, TryCryptoRng, TryRng};

use super::*;

const REQ_PQ: &str =
    "00000000000000004a967027c47ae55114000000789746603e0549828cca27e966b301a48fece2fc";
const RES_PQ: &str = "000000000000000001c8831ec97ae55140000000632416053e0549828cca27e966b301a48fece2fc\
     a5cf4d33f4a11ea877ba4aa5739073300817ed48941a08f98100000015c4b51c01000000216be86c022bb4c3";
const SET_CLIENT_DH_PARAMS: &str = "\
     00000000000000006d2ca32acd7ae551780100001f5f04f53e0549828cca27e966b301a48fece2fca5cf4d33\
     f4a11ea877ba4aa573907330fe500100928a4957d0463b525c1cc48aabaa030a256be5c746792c84ca4c5a0d\
     f60ac799048d98a38a8480edcf082214dfc79dcb9ee34e206513e2b3bc1504cfe6c9ada46bf9a03ca74f192e\
     af8c278454adabc795a566615462d31817382984039505f71cb33a41e2527a4b1ac05107872fed8e3abcee15\
     18ae965b0ed3aed7f67479155bda8e4c286b64cdf123ec748cf289b1db02d1907b562df462d8582ba6f0a302\
     2dc2d3504d69d1ba48b677e3a830bfafd67584c8aa24e1344a8904e305f9587c92ef964f0083f50f61eab4a3\
     93eaa33c9270294aedc7732891d4ea1599f52311d74469d2112f4edf3f342e93c8e87e812dc3989baecfe674\
     0a46077524c75093f5a5405736de8937bb6e42c9a0dcf22ca53227d462bccc2cfe94b6fe86ab7fbfa395021f\
     66661af7c0024ca2986ca03f3476905407d1ea9c010b763258db1aa2cc7826d91334efc1fdc665b67fe45ed0";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Recorded bytes first, then a seeded generator.
struct Recorded(Vec<u8>, StdRng);

impl TryRng for Recorded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        if to.len() <= self.0.len() {
            to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
        } else {
            self.1.fill_bytes(to);
        }
        Ok(())
    }
}

impl TryCryptoRng for Recorded {}

#[test]
fn the_published_sample_runs_through() {
    // server_nonce, then the two primes as `pq::generate` reads them: 31 bits of a u32, shifted.
    let mut random = hex("a5cf4d33f4a11ea877ba4aa573907330");
    random.extend((0x494c_553b_u32 << 1).to_le_bytes());
    random.extend((0x5391_1073_u32 << 1).to_le_bytes());
    let mut rng = Recorded(random, StdRng::seed_from_u64(1));
    let keys = server_keys();
    let fingerprint = keys.keys[0].fingerprint();
    let (mut exchange, seen) = (Exchange::new(keys), SeenNonces::new(10));

    let res_pq = reply(exchange.receive(&hex(REQ_PQ), NOW_MS, &seen, &mut rng));
    let mut expected = hex(RES_PQ);
    let place = expected.len() - 8;
    expected[place..].copy_from_slice(&fingerprint.to_le_bytes());
    assert_eq!(envelope(0x51e5_7ac9_1e83_c801, &res_pq), expected);

    // The sample's client: its nonces, p_q_inner_data in the old padding.
    let mut client = Client::new(Form::Plain, Padding::Sha1, 1);
    client.nonce = hex("3e0549828cca27e966b301a48fece2fc").try_into().unwrap();
    client.new_nonce =
        hex("311c85db234aa2640afc4a76a735cf5b1f0fd68bd17fa181e1229ad867cc024d").try_into().unwrap();
    let inner = tl::to_bytes(&client.inner_data(&res_pq), 0).unwrap();
    assert_eq!(
        inner,
        hex(
            "ec5ac9830817ed48941a08f98100000004494c553b00000004539110730000003e0549828cca27e966b301a4\
             8fece2fca5cf4d33f4a11ea877ba4aa573907330311c85db234aa2640afc4a76a735cf5b1f0fd68bd17fa181\
             e1229ad867cc024d"
        )
    );
    let request = client.req_dh_params(&res_pq);
    let Step::Work(work) = exchange.receive(&request, NOW_MS, &seen, &mut rng) else { panic!() };
    let done = work.run(|| None, &mut rng);
    client.read_server_dh_params(&reply(exchange.finish(done, NOW_MS, &mut rng)));

    let sample = hex(SET_CLIENT_DH_PARAMS);
    let Step::Work(work) = exchange.receive(&sample, NOW_MS, &seen, &mut rng) else { panic!() };
    let done = work.run(|| None, &mut rng);
    let step = exchange.finish(done, NOW_MS, &mut rng);
    let Step::Completed(completed) = step else { panic!("{step:?}") };
    assert_eq!(completed.first_salt, client.first_salt());
    assert_eq!((completed.dc, completed.expires_in), (None, None));
    let answer = reply(exchange.conclude(*completed, Storage::Stored));
    assert_eq!(envelope(0, &answer).len(), 72); // as the sample's dh_gen_ok: 20 + 52
    assert_eq!(answer[..4], 0x3bcb_f734_u32.to_le_bytes());
}
