use super::*;

fn config(variables: &[(&str, &str)], file: Option<&str>) -> Result<Config, ConfigError> {
    let lookup = |name: &str| {
        let given = variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        given.or_else(|| (name == "HOME").then(|| OsString::from("/srv/ada")))
    };
    Config::from_sources(&lookup, file)
}

fn refused(variables: &[(&str, &str)], file: Option<&str>) -> String {
    let error = config(variables, file).expect_err("refused");
    format!("{error} | {}", error.help())
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_defaults() {
    let file = Some("bind = \"127.0.0.1:1\"\nlease_ms = 2_000\nmigrate = false\ndata_dir = \"~/gw\"\n");
    let config =
        config(&[("GOALWRIGHT_BIND", "127.0.0.1:2"), ("GOALWRIGHT_JWT_ISSUER", "")], file).expect("sound");
    assert_eq!(config.bind, "127.0.0.1:2");
    assert_eq!(config.lease, Duration::from_secs(2));
    assert!(!config.migrate);
    assert_eq!(config.worker_concurrency, 16);
    assert_eq!(config.jwt_issuer, None);
    assert_eq!(config.data_dir, PathBuf::from("/srv/ada/gw"));
    assert_eq!(config.database_url.expose(), "sqlite:///srv/ada/gw/goalwright.db");
    assert_eq!(config.log_filter, None);
}

#[test]
fn the_data_directory_follows_xdg() {
    let at = |variables: &[(&str, &str)]| config(variables, None).expect("sound").data_dir;
    assert_eq!(at(&[]), PathBuf::from("/srv/ada/.local/share/goalwright"));
    assert_eq!(at(&[("XDG_DATA_HOME", "/data")]), PathBuf::from("/data/goalwright"));
    assert_eq!(at(&[("XDG_DATA_HOME", "data")]), PathBuf::from("/srv/ada/.local/share/goalwright"));
    let error = Config::from_sources(&|_| None, None).expect_err("no home");
    assert!(error.help().contains("GOALWRIGHT_DATA_DIR"), "{error}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (variables, file, said) in [
        (
            vec![],
            Some("bind = \"localhost:80\"\nlease-ms = 5\n"),
            "goalwright.toml, line 2: `lease-ms` is no setting | did you mean `lease_ms`?",
        ),
        (
            vec![],
            Some("GOALWRIGHT_BIND = \"x:1\""),
            "goalwright.toml, line 1: `GOALWRIGHT_BIND` is no setting | did you mean `bind`?",
        ),
        (
            vec![],
            Some("\n\nlease_ms = \"soon\""),
            "goalwright.toml, line 3: `lease_ms`: `soon` is not taken | give a whole number from 100 to 86400000",
        ),
        (
            vec![],
            Some("bind = [1]"),
            "goalwright.toml, line 1: `bind`: a value of type array is not taken | give a text in quotes",
        ),
        (
            vec![("GOALWRIGHT_WORKER_CONCURRENCY", "0")],
            None,
            "GOALWRIGHT_WORKER_CONCURRENCY: `0` is not taken | give a whole number from 1 to 1000",
        ),
        (
            vec![("GOALWRIGHT_BIND", "8080")],
            None,
            "GOALWRIGHT_BIND: `8080` is no address with a port | give host and port",
        ),
        (
            vec![("GOALWRIGHT_MIGRATE", "maybe")],
            None,
            "GOALWRIGHT_MIGRATE: `maybe` is not taken | give `on` or `off`",
        ),
        (
            vec![("GOALWRIGHT_LOG_FORMAT", "xml")],
            None,
            "GOALWRIGHT_LOG_FORMAT: `xml` is not taken | give `text` or `json`",
        ),
        (
            vec![("GOALWRIGHT_OUTBOUND_ALLOW", "db.internal, 10.0.0.5/8")],
            None,
            "GOALWRIGHT_OUTBOUND_ALLOW: `10.0.0.5/8` has bits behind its prefix; write 10.0.0.0/8 | give a comma list",
        ),
        (
            vec![],
            Some("bind = \"a:1\"\noutbound_allow = \"http://db.internal\""),
            "goalwright.toml, line 2: `outbound_allow`: `http://db.internal` is a URL; give only its host",
        ),
        (vec![("RUST_LOG", "a=b=c")], None, "RUST_LOG: `a=b=c` is no log filter"),
    ] {
        let answer = refused(&variables, file);
        assert!(answer.starts_with(said), "{answer}");
    }
    for (variables, said) in [
        (
            vec![("GOALWRIGHT_MODEL", "llama3")],
            "GOALWRIGHT_MODEL: `llama3` is no model | give `anthropic/<model>`",
        ),
        (
            vec![("OPENAI_BASE_URL", "localhost:11434/v1")],
            "OPENAI_BASE_URL: the URL is neither http nor https | give the URL",
        ),
        (
            vec![("ANTHROPIC_BASE_URL", "https://ada:hunter2@models.example")],
            "ANTHROPIC_BASE_URL: the URL has a user or a password in it | give the URL",
        ),
        (
            vec![("ANTHROPIC_API_KEY", "hunter2 \nhunter2")],
            "ANTHROPIC_API_KEY: the key has characters that no header takes",
        ),
        (
            vec![("GOALWRIGHT_LLM_RETRY_ATTEMPTS", "0")],
            "GOALWRIGHT_LLM_RETRY_ATTEMPTS: `0` is not taken | give a whole number from 1 to 10",
        ),
        (
            vec![("GOALWRIGHT_LLM_RETRY_MAX_MS", "1000")],
            "GOALWRIGHT_LLM_RETRY_MAX_MS: the longest pause, 1000 ms, is shorter than the shortest, 2000 ms | give at least",
        ),
        (
            vec![("GOALWRIGHT_PRICES", "/nowhere/prices.json")],
            "GOALWRIGHT_PRICES: the file `/nowhere/prices.json` cannot be read",
        ),
    ] {
        let answer = refused(&variables, None);
        assert!(answer.starts_with(said) && !answer.contains("hunter2"), "{answer}");
    }
    let broken = refused(&[], Some("bind = \"a:1\"\nlease_ms = = 1\n"));
    assert!(broken.starts_with("goalwright.toml, line 2: "), "{broken}");
}

#[test]
fn secrets_are_never_printed() {
    let secret = "0123456789abcdef0123456789abcdef";
    let variables = [
        ("GOALWRIGHT_JWT_SECRET", secret),
        ("DATABASE_URL", "postgres://ada:p@ss@db.example:5432/gw?password=hidden"),
    ];
    let config = config(&variables, None).expect("sound");
    let keys = [("ANTHROPIC_API_KEY", secret), ("OPENAI_API_KEY", secret)];
    let keyed = self::config(&keys, None).expect("sound");
    let printed = format!("{config:?} {keyed:?} {}", config.database_url);
    for hidden in [secret, "p@ss", "hidden", "ada"] {
        assert!(!printed.replace("/srv/ada", "").contains(hidden), "{hidden} in {printed}");
    }
    assert!(printed.contains("postgres://db.example:5432/gw"), "{printed}");
    let short = refused(&[("GOALWRIGHT_JWT_SECRET", "hunter2")], None);
    assert!(!short.contains("hunter2") && short.contains("7 bytes"), "{short}");
    let foreign = refused(&[("DATABASE_URL", "mysql://root:hunter2@db")], None);
    assert!(!foreign.contains("hunter2") && foreign.contains("mysql"), "{foreign}");
}

/// A copy of the example with every line switched on is the same as no file at all.
#[test]
fn the_example_file_lists_every_setting_with_its_default() {
    let example = include_str!("../../../../goalwright.example.toml");
    let on: String = example
        .lines()
        .filter_map(|line| {
            line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let table: toml::Table = on.parse().expect("the example is TOML");
    let text = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut listed: Vec<(String, String)> =
        table.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let mut known: Vec<(String, String)> =
        SETTINGS.iter().map(|setting| (setting.key.to_owned(), setting.default.to_owned())).collect();
    known.sort();
    listed.sort();
    assert_eq!(listed, known);
    for setting in SETTINGS {
        assert!(example.contains(setting.variable), "{} is not named", setting.variable);
    }
    let as_is = config(&[], Some(example)).expect("usable as it is");
    assert_eq!(as_is, config(&[], None).expect("defaults"));
    let all_on = config(&[], Some(&on)).expect("usable with every line on");
    assert_eq!(Config { log_filter: None, ..all_on }, as_is);
}

#[test]
fn models_are_reached_as_the_settings_say() {
    let prices = tempfile::NamedTempFile::new().expect("a file");
    let own = r#"{"version": "mine", "models": {"openai/llama3*": {"input": 0, "output": 2}}}"#;
    std::fs::write(prices.path(), own).expect("written");
    let models = config(
        &[
            ("GOALWRIGHT_MODEL", "openai/llama3.2"),
            ("OPENAI_BASE_URL", "http://localhost:11434/v1/"),
            ("GOALWRIGHT_LLM_TIMEOUT_MS", "1500"),
            ("GOALWRIGHT_LLM_BREAKER_FAILURES", "5"),
            ("GOALWRIGHT_PRICES", prices.path().to_str().expect("a path")),
        ],
        None,
    )
    .expect("sound")
    .models;
    let model = models.endpoints.usual.clone().expect("a model");
    assert_eq!(model.to_string(), "openai/llama3.2");
    assert_eq!(models.patience.attempt_timeout, Duration::from_millis(1500));
    assert_eq!((models.patience.attempts, models.breaker.failures), (3, 5));
    let usage = goalwright_domain::model::Usage { output_tokens: 500_000, ..Default::default() };
    assert_eq!(models.prices.cost(&model, &usage).map(|cost| cost.dollars()), Some(1.0));
    assert!(models.prices.version().ends_with("+mine"));
    assert_eq!(config(&[], None).expect("sound").models.endpoints.usual, None);
}

#[test]
fn keys_that_are_not_verified_yet_are_not_passed_over_in_silence() {
    let refused = config(&[("GOALWRIGHT_JWKS_URL", "https://id.example/jwks")], None).expect_err("refused");
    assert!(refused.to_string().contains("GOALWRIGHT_JWKS_URL"), "{refused}");
    assert!(refused.help().contains("GOALWRIGHT_JWT_SECRET"));
}

#[test]
fn what_holds_is_explained_with_its_place_and_without_its_secrets() {
    let secret = "0123456789abcdef0123456789abcdef";
    let lookup = |name: &str| match name {
        "GOALWRIGHT_JWT_SECRET" | "GOALWRIGHT_AUDIT_KEY" | "ANTHROPIC_API_KEY" | "OPENAI_API_KEY" => {
            Some(OsString::from(secret))
        }
        "DATABASE_URL" => Some(OsString::from("postgres://ada:hunter2@db.example/gw?password=hunter2")),
        "HOME" => Some(OsString::from("/srv/ada")),
        _ => None,
    };
    let all = Explained::from_sources(&lookup, Some("\nlease_ms = 5_000\n")).expect("sound");
    let told = |key: &str| {
        let one = all.iter().find(|one| one.key == key).expect("every setting is there");
        (one.value.clone(), one.place.clone())
    };
    assert_eq!(all.len(), SETTINGS.len());
    assert_eq!(told("jwt_secret"), ("<secret>".to_owned(), Place::Variable("GOALWRIGHT_JWT_SECRET")));
    assert_eq!(
        told("database_url"),
        ("postgres://db.example/gw".to_owned(), Place::Variable("DATABASE_URL"))
    );
    assert_eq!(told("lease_ms"), ("5000".to_owned(), Place::File { key: "lease_ms".to_owned(), line: 2 }));
    assert_eq!(told("data_dir"), ("/srv/ada/.local/share/goalwright".to_owned(), Place::Default("data_dir")));
    let printed = format!("{all:?}");
    assert!(!printed.contains(secret) && !printed.contains("hunter2"), "{printed}");
}
