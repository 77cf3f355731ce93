//! `{version}` and `{arch}` in addresses and names: one text for all combinations of what stands for them.

/// What stands in braces.
const VERSION: &str = "{version}";
const ARCHITECTURE: &str = "{arch}";

/// Writes texts out for each version and architecture; those that name neither are written out once.
pub fn expanded<const N: usize>(
    texts: [&str; N],
    versions: &[String],
    architectures: &[String],
) -> Vec<[String; N]> {
    let of = |values: &[String], mark| {
        let named = texts.iter().any(|text| text.contains(mark));
        if named { values.to_vec() } else { vec![String::new()] }
    };
    let mut all = Vec::new();
    for version in of(versions, VERSION) {
        for architecture in of(architectures, ARCHITECTURE) {
            all.push(
                texts.map(|text| {
                    text.replace(VERSION, &version).replace(ARCHITECTURE, &architecture)
                }),
            );
        }
    }
    all
}

/// Tells which of both a text names without there being any.
pub fn unknown(text: &str, versions: &[String], architectures: &[String]) -> Option<&'static str> {
    let marks = [(VERSION, versions, "versions"), (ARCHITECTURE, architectures, "architectures")];
    let lacking =
        marks.into_iter().find(|(mark, values, _)| text.contains(mark) && values.is_empty());
    lacking.map(|(.., key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn all_combinations_are_written_out() {
        let (versions, architectures) = (owned(&["1", "2"]), owned(&["x", "y"]));
        let all = expanded(["{version}/{arch}", "{arch}"], &versions, &architectures);
        let joined: Vec<_> = all.iter().map(|one| one.join(" ")).collect();
        assert_eq!(joined, ["1/x x", "1/y y", "2/x x", "2/y y"]);
        assert_eq!(expanded(["a"], &versions, &architectures), [["a".to_owned()]]);
        assert_eq!(unknown("{arch}", &versions, &[]), Some("architectures"));
        assert_eq!(unknown("{version}", &versions, &[]), None);
    }
}
