//! New auth keys per second of one core, beside OpenSSL's RSA and two constant-time modexps.

use keys::dh::DhSecret;
use rookery_load::exchange::exchange_with;
use rookery_load::{Framing, Wire};

use super::{Gate, Row, Target, process, rng};

/// Telegram's own terms: at least a third of what OpenSSL could do.
const GATE: Gate = Gate::RatioAtLeast(0.35);

/// The row.
pub(crate) fn row(target: &Target, short: bool) -> anyhow::Result<Row> {
    let (pairs, exchanges) = if short { (3, 30) } else { (7, 150) };
    let mut rng = rng();
    let secret = DhSecret::generate(&mut rng);
    let mut measured = Vec::new();
    let mut alone = Vec::new();
    for _ in 0..pairs {
        process::settle(target.pid)?;
        let begin = process::cpu(target.pid)?;
        for _ in 0..exchanges {
            let mut wire = Wire::connect(target.address, Framing::Intermediate, None, &mut rng)?;
            exchange_with(&mut wire, &target.public, 2, None, &secret, &mut rng)?;
        }
        // Exponents drawn ahead are part of the price: they are drawn again before this returns.
        process::settle(target.pid)?;
        let spent = (process::cpu(target.pid)? - begin).as_secs_f64();
        let node = f64::from(exchanges) / spent;
        alone.push(node);
        if let Some(floor) = floor::per_second(exchanges)? {
            measured.push((node, floor));
        }
    }
    let name = "new auth keys per core";
    let samples = exchanges as usize;
    if measured.is_empty() {
        alone.sort_by(f64::total_cmp);
        return Ok(Row {
            name: name.into(),
            unit: "keys/s of server CPU",
            node: super::median(&alone),
            floor: None,
            ratios: Vec::new(),
            samples,
            gate: GATE,
            note: "no floor: build with --features openssl".into(),
        });
    }
    let note = "floor: OpenSSL RSA-2048 private operation + two constant-time modexps; the node's \
                figure is all of its CPU time, sockets and store included";
    Ok(Row::of_pairs(name, "keys/s of server CPU", &measured, samples, GATE, note))
}

#[cfg(feature = "openssl")]
mod floor {
    use keys::dh;
    use openssl::bn::{BigNum, BigNumContext, MsbOption};
    use openssl::rsa::{Padding, Rsa};

    use crate::bench::process;

    /// Keys per second of CPU.
    pub(super) fn per_second(exchanges: u32) -> anyhow::Result<Option<f64>> {
        let rsa = Rsa::generate(2048)?;
        let prime = BigNum::from_slice(&dh::prime())?;
        let g = BigNum::from_u32(3)?;
        let mut context = BigNumContext::new_secure()?;
        let mut exponent = BigNum::new_secure()?;
        exponent.rand(2047, MsbOption::MAYBE_ZERO, false)?;
        exponent.set_const_time();
        let mut base = BigNum::new()?;
        base.rand(2047, MsbOption::ONE, true)?;
        let mut block = [0; 256];
        block[1..].fill(7);
        let (mut plain, mut power) = ([0; 256], BigNum::new_secure()?);
        let begin = process::own_cpu()?;
        for _ in 0..exchanges {
            rsa.private_decrypt(&block, &mut plain, Padding::NONE)?;
            power.mod_exp(&g, &exponent, &prime, &mut context)?;
            power.mod_exp(&base, &exponent, &prime, &mut context)?;
        }
        let spent = (process::own_cpu()? - begin).as_secs_f64();
        Ok(Some(f64::from(exchanges) / spent))
    }
}

#[cfg(not(feature = "openssl"))]
mod floor {
    /// Not built in.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of the floor that is built in")]
    pub(super) fn per_second(_exchanges: u32) -> anyhow::Result<Option<f64>> {
        Ok(None)
    }
}
