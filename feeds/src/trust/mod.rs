//! Who signed what: the OpenPGP certificates an operator trusts, and the key that the site signs with.
//!
//! A keyring file is trusted as a whole, because the operator put it there: the self-signatures inside it tell what a
//! key may do and until when, whatever their hash. Signatures over what an upstream sends are held to today's rules.

mod certificate;
mod error;
mod keyring;
mod site_key;

pub use error::{Error, Refusal, Why};
pub use keyring::{Keyring, SignedBy, armoured, signed_text};
pub use site_key::SiteKey;
