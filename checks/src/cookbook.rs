//! The recipes of `docs/cookbook.md`, as they stand on the page: whoever tests one takes it from there.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

const PAGE: &str = include_str!("../../docs/cookbook.md");

/// A situation, and what a repository says in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The heading.
    pub title: String,
    /// The `.preview.yaml`.
    pub configuration: String,
}

/// All recipes, in their order.
#[must_use]
pub fn recipes() -> Vec<Recipe> {
    read(PAGE)
}

/// The `.preview.yaml` of the recipe of this title.
///
/// # Panics
/// When the page has no such recipe.
#[must_use]
pub fn configuration(title: &str) -> String {
    let recipe = recipes().into_iter().find(|recipe| recipe.title == title);
    recipe
        .unwrap_or_else(|| panic!("docs/cookbook.md has no recipe {title:?}"))
        .configuration
}

/// Each heading of the second level that has YAML below it, with the first that it has.
fn read(page: &str) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    let (mut in_title, mut in_yaml) = (false, false);
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                recipes.push(Recipe::default());
                in_title = true;
            }
            Event::End(TagEnd::Heading(_)) => in_title = false,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => in_yaml = &*language == "yaml",
            Event::End(TagEnd::CodeBlock) => in_yaml = false,
            Event::Text(text) | Event::Code(text) => {
                let Some(recipe) = recipes.last_mut() else {
                    continue;
                };
                if in_title {
                    recipe.title.push_str(&text);
                } else if in_yaml {
                    recipe.configuration.push_str(&text);
                }
            }
            _ => {}
        }
    }
    recipes.retain(|recipe| !recipe.configuration.is_empty());
    recipes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_a_heading_with_yaml_below_it() {
        let page = "# Page\n```yaml\nno: recipe\n```\n## What `helm create` makes\nText.\n```yaml\nchart: ./app\nttl: 1h\n```\n```console\n$ helm\n```\n## Talk\n";
        let recipe = Recipe {
            title: "What helm create makes".to_owned(),
            configuration: "chart: ./app\nttl: 1h\n".to_owned(),
        };
        assert_eq!(read(page), [recipe]);
    }
}
