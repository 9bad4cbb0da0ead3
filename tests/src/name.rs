//! The name of a conversation.

/// The test's path (`preview::a_comment_becomes_a_url`), from the type of a
/// closure or future that was written in it.
pub(crate) fn of_test<T>() -> String {
    readable(std::any::type_name::<T>())
}

fn readable(type_name: &str) -> String {
    let path: Vec<_> = type_name.split("::").filter(|part| !part.starts_with('{')).collect();
    let name = &path[path.len().saturating_sub(2)..];
    name.join("-")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of<T>(_: &T) -> String {
        of_test::<T>()
    }

    #[test]
    fn a_closure_is_named_after_the_test_that_holds_it() {
        let talk = async |_: &mut u8| {};
        assert_eq!(name_of(&talk), "tests-a_closure_is_named_after_the_test_that_holds_it");
    }

    #[test]
    fn a_name_is_fit_for_a_folder() {
        assert_eq!(readable("a::b<c::d>::{{closure}}"), "b_c-d_");
    }
}
