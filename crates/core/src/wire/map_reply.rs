//! Replies that are maps, declared once: the struct, how it is written and how it is read.

/// Declares a reply that is a map: each field with its name on the wire. Fields are written in this order.
macro_rules! map_reply {
    (
        $(#[$about:meta])*
        pub struct $reply:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty = $name:literal,)+
        }
    ) => {
        $(#[$about])*
        #[non_exhaustive]
        pub struct $reply {
            $($(#[$doc])* pub $field: $type,)+
        }

        #[allow(dead_code, reason = "for maps that hold the fields of another")]
        impl $reply {
            /// How many fields are written.
            pub(crate) fn count_fields(&self) -> usize {
                0 $(+ usize::from(!$crate::wire::Encode::is_left_out(&self.$field)))+
            }

            /// Writes the fields, without the map's head.
            pub(crate) fn encode_fields(&self, sink: &mut impl $crate::wire::Sink) {
                $(
                    if !$crate::wire::Encode::is_left_out(&self.$field) {
                        sink.text($name);
                        $crate::wire::Encode::encode(&self.$field, sink);
                    }
                )+
            }

            /// Takes the fields out of a map.
            pub(crate) fn decode_fields(
                fields: &mut impl $crate::wire::Fields,
            ) -> Result<Self, $crate::wire::Malformed> {
                Ok(Self { $($field: fields.read($name)?,)+ })
            }
        }

        impl $crate::wire::Encode for $reply {
            fn encode(&self, sink: &mut impl $crate::wire::Sink) {
                sink.map(self.count_fields());
                self.encode_fields(sink);
            }
        }

        impl $crate::wire::Decode for $reply {
            fn decode<S: $crate::wire::Source>(source: S) -> Result<Self, $crate::wire::Malformed> {
                Self::decode_fields(&mut source.fields()?)
            }
        }
    };
}

pub(crate) use map_reply;
