//! How a choice of messages is encoded: \[number, \[fields\]\], in the CBOR of the logs.

/// An enum whose variants are messages, each with its number on the wire.
macro_rules! messages {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $kind:literal $variant:ident
            $({ $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })?
            $(($bound:ident: $inner:ty))?,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant
                $({ $($(#[$field_meta])* $field: $type,)* })? $(($inner))?,)*
        }

        impl ::glog::cbor::Wire for $name {
            fn put(&self, to: &mut ::glog::cbor::Writer) {
                to.array(2);
                match self {
                    $(Self::$variant $({ $($field,)* })? $(($bound))? => {
                        ::glog::cbor::Wire::put(&($kind as u16), to);
                        let fields: &[&str] =
                            &[$($(stringify!($field),)*)? $(stringify!($bound),)?];
                        to.array(fields.len());
                        $($(::glog::cbor::Wire::put($field, to);)*)?
                        $(::glog::cbor::Wire::put($bound, to);)?
                    })*
                }
            }

            fn take(
                from: &mut ::glog::cbor::Reader<'_>,
            ) -> Result<Self, ::glog::cbor::Malformed> {
                from.array(2)?;
                match <u16 as ::glog::cbor::Wire>::take(from)? {
                    $($kind => {
                        let fields: &[&str] =
                            &[$($(stringify!($field),)*)? $(stringify!($bound),)?];
                        from.array(fields.len())?;
                        $($(let $field = ::glog::cbor::Wire::take(from)?;)*)?
                        $(let $bound = ::glog::cbor::Wire::take(from)?;)?
                        Ok(Self::$variant $({ $($field,)* })? $(($bound))?)
                    })*
                    _ => Err(::glog::cbor::Malformed),
                }
            }
        }
    };
}
pub(crate) use messages;
