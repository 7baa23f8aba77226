//! The filter of a list, as SQL and as a predicate.

use traffix_core::catalogue::RuKind;

use super::index::{Index, whole};
use crate::db::{Engine, Micros, Statement};
use crate::sql::document::tag;
use crate::{RuQuery, StoreError, words};

/// A query made ready.
pub(super) struct Filter<'q> {
    query: &'q RuQuery,
    words: Vec<String>,
    from: Option<Micros>,
    until: Option<Micros>,
    min_bytes: Option<i64>,
    max_bytes: Option<i64>,
}

/// Where a list is read from: the index that is already in the list's order and most narrow.
pub(super) struct Source {
    pub(super) tables: &'static str,
    /// Columns of the order.
    pub(super) first_at: &'static str,
    pub(super) id: &'static str,
    pub(super) conditions: Vec<String>,
}

impl<'q> Filter<'q> {
    pub(super) fn new(query: &'q RuQuery) -> Result<Self, StoreError> {
        let words = query.text.as_deref().map(words::of_query).transpose();
        Ok(Self {
            words: words.map_err(|finding| StoreError::Invalid(vec![finding]))?.unwrap_or_default(),
            from: query.from.map(Micros::from),
            until: query.until.map(Micros::from),
            min_bytes: query.min_bytes.map(whole),
            max_bytes: query.max_bytes.map(whole),
            query,
        })
    }

    pub(super) fn descending(&self) -> bool {
        self.query.descending
    }

    /// Whether an RU fits.
    pub(super) fn matches(&self, index: &Index) -> bool {
        let query = self.query;
        let has = |wanted: Option<&str>, set: &std::collections::BTreeSet<String>| {
            wanted.is_none_or(|wanted| set.contains(wanted))
        };
        let kind: Option<RuKind> = query.kind;
        kind.is_none_or(|kind| index.kind == kind)
            && query.content.is_none_or(|content| index.content == tag(&content))
            && query.release.as_ref().is_none_or(|r| index.release.as_deref() == Some(r.as_str()))
            && has(query.platform.as_ref().map(AsRef::as_ref), &index.platforms)
            && has(query.publisher.as_ref().map(AsRef::as_ref), &index.publishers)
            && has(query.developer.as_ref().map(AsRef::as_ref), &index.developers)
            && has(query.category.as_ref().map(AsRef::as_ref), &index.categories)
            && self.min_bytes.is_none_or(|min| index.wire_bytes.is_some_and(|bytes| bytes >= min))
            && self.max_bytes.is_none_or(|max| index.wire_bytes.is_some_and(|bytes| bytes <= max))
            && (self.from.is_none() && self.until.is_none()
                || index.windows.iter().any(|(start, end)| {
                    self.from.is_none_or(|from| *end >= from) && self.until.is_none_or(|until| *start < until)
                }))
            && words::match_title(&index.words, &self.words)
    }

    /// The filter as SQL over `ru r`.
    pub(super) fn source(&self, engine: Engine, statement: &mut Statement) -> Source {
        let mut source = self.driver(engine, statement);
        self.plain(statement, &mut source.conditions);
        self.windows(statement, &mut source.conditions);
        source
    }

    /// Chooses what drives the list; the other conditions on side tables are looked up row by row.
    fn driver(&self, engine: Engine, statement: &mut Statement) -> Source {
        let mut conditions = Vec::new();
        let text = self.text(engine, statement);
        let mut sides = self.sides(statement);
        let driver = if text.is_some() || self.query.release.is_some() || sides.is_empty() {
            None
        } else {
            Some(sides.remove(0))
        };
        conditions.extend(sides.into_iter().map(|(table, condition)| {
            format!("EXISTS (SELECT 1 FROM {table} d WHERE d.ru = r.id AND {condition})")
        }));
        let by_ru = |tables, conditions| Source { tables, first_at: "r.first_at", id: "r.id", conditions };
        if let Some((tables, condition)) = text {
            conditions.push(condition);
            return by_ru(tables, conditions);
        }
        let Some((table, condition)) = driver else { return by_ru("ru r", conditions) };
        conditions.extend([condition, "r.id = d.ru".to_owned()]);
        let tables = match table {
            "ru_company" => "ru_company d CROSS JOIN ru r",
            "ru_category" => "ru_category d CROSS JOIN ru r",
            _ => "ru_platform d CROSS JOIN ru r",
        };
        Source { tables, first_at: "d.first_at", id: "d.ru", conditions }
    }

    fn text(&self, engine: Engine, statement: &mut Statement) -> Option<(&'static str, String)> {
        if self.words.is_empty() {
            return None;
        }
        // Words are letters and digits only, so quoting is all the syntax there is.
        let all = |quote: &str, suffix: &str, and: &str| {
            let terms = self.words.iter().map(|word| format!("{quote}{word}{quote}{suffix}"));
            terms.collect::<Vec<_>>().join(and)
        };
        Some(match engine {
            Engine::Sqlite => {
                let words = statement.placeholder(all("\"", " *", " "));
                // CROSS JOIN keeps the order of the tables on SQLite.
                ("ru_title CROSS JOIN ru r", format!("ru_title MATCH {words} AND r.row_key = ru_title.rowid"))
            }
            Engine::Postgres => {
                let words = statement.placeholder(all("'", ":*", " & "));
                ("ru r", format!("r.title @@ {words}::tsquery"))
            }
        })
    }

    /// Conditions on side tables `d`, the most selective first.
    fn sides(&self, statement: &mut Statement) -> Vec<(&'static str, String)> {
        let query = self.query;
        let mut sides = Vec::new();
        for (role, company) in [("publisher", &query.publisher), ("developer", &query.developer)] {
            if let Some(company) = company {
                let place = statement.placeholder(company.as_str());
                sides.push(("ru_company", format!("d.company = {place} AND d.role = '{role}'")));
            }
        }
        if let Some(category) = &query.category {
            let place = statement.placeholder(category.as_str());
            sides.push(("ru_category", format!("d.category = {place}")));
        }
        if let Some(platform) = &query.platform {
            let place = statement.placeholder(platform.as_str());
            sides.push(("ru_platform", format!("d.platform = {place}")));
        }
        sides
    }

    fn plain(&self, statement: &mut Statement, conditions: &mut Vec<String>) {
        let query = self.query;
        let mut texts = |column: &str, value: Option<String>| {
            if let Some(value) = value {
                let place = statement.placeholder(value);
                conditions.push(format!("{column} = {place}"));
            }
        };
        texts("r.kind", query.kind.as_ref().map(tag));
        texts("r.content", query.content.as_ref().map(tag));
        texts("r.release_id", query.release.as_ref().map(ToString::to_string));
        for (comparison, value) in [("r.wire_bytes >=", self.min_bytes), ("r.wire_bytes <=", self.max_bytes)]
        {
            if let Some(value) = value {
                let place = statement.placeholder(value);
                conditions.push(format!("{comparison} {place}"));
            }
        }
    }

    /// The conditions on `first_at` and `last_at` follow from the one on the windows, but an index can use them.
    fn windows(&self, statement: &mut Statement, conditions: &mut Vec<String>) {
        let mut on_phase = Vec::new();
        if let Some(from) = self.from {
            let place = statement.placeholder(from);
            conditions.push(format!("r.last_at >= {place}"));
            on_phase.push(format!("w.end_at >= {place}"));
        }
        if let Some(until) = self.until {
            let place = statement.placeholder(until);
            conditions.push(format!("r.first_at < {place}"));
            on_phase.push(format!("w.start_at < {place}"));
        }
        // With one end only, the column says it all.
        if on_phase.len() == 2 {
            let on_phase = on_phase.join(" AND ");
            conditions.push(format!("EXISTS (SELECT 1 FROM ru_window w WHERE w.ru = r.id AND {on_phase})"));
        }
    }
}
