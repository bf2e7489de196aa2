//! The levels of a topic: any text as one that every broker and Home Assistant take.

/// The longest name of a gateway in topics, in characters of ASCII.
pub const LONGEST_GATEWAY: usize = 40;

/// A text as one level of a topic. ASCII letters in lower case, digits and `-` stay as they are; any other byte becomes
/// `_` and its two hexadecimal digits, so that no two texts have the same level.
pub fn level(text: &str) -> String {
    text.bytes().fold(String::new(), |level, byte| {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' {
            level + char::from(byte).encode_utf8(&mut [0])
        } else {
            level + &format!("_{byte:02x}")
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_ids_stay_readable_and_no_other_leaves_its_level() {
        for (text, expected) in [
            ("milk-2", "milk-2"),
            ("Milk", "_4dilk"),
            ("a/b", "a_2fb"),
            ("a_b", "a_5fb"),
            ("+#$\0", "_2b_23_24_00"),
            ("käse", "k_c3_a4se"),
            ("", ""),
        ] {
            assert_eq!(level(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_two_texts_have_the_same_level(one in ".{0,8}", other in ".{0,8}") {
            prop_assert_eq!(one == other, level(&one) == level(&other));
            prop_assert!(level(&one).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
        }
    }
}
