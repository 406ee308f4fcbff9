package platform

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
)

const configHint = "correct it where you have set it (file, ISEKAI_ variable or flag), or leave it out for its default"

func (c Config) check() error {
	const op = "config"
	switch {
	case c.DataDir == "":
		return core.E(core.Invalid, op, "no data directory: this user has no home folder").WithHint("set ISEKAI_DATA_DIR or --data-dir")
	case c.Worker.Concurrency < 1 || c.Worker.Concurrency > 256:
		return core.E(core.Invalid, op, "worker.concurrency must be from 1 to 256").WithHint(configHint)
	case c.Worker.Grace <= 0:
		return core.E(core.Invalid, op, "worker.grace must be more than 0s").WithHint(configHint)
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level):
		return core.E(core.Invalid, op, "log.level must be debug, info, warn or error").WithHint(configHint)
	case c.Log.Format != "text" && c.Log.Format != "json":
		return core.E(core.Invalid, op, "log.format must be text or json").WithHint(configHint)
	case c.Model.Timeout < time.Second:
		return core.E(core.Invalid, op, "model.timeout must be at least 1s").WithHint(configHint)
	}
	return c.checkStorage()
}

// checkStorage checks what stands below the modules.
func (c Config) checkStorage() error {
	for _, check := range []func() error{c.Store.check, c.Bus.check, c.checkKeys, c.Egress.check, c.Connections.check, c.Search.check, c.Home.check, c.checkCoders, c.SMTP.check, c.checkPublic} {
		if err := check(); err != nil {
			return err
		}
	}
	const op = "config"
	switch {
	case c.Backup.Every != 0 && c.Backup.Every < time.Minute:
		return core.E(core.Invalid, op, "backup.every must be 0s or at least 1m").WithHint(configHint)
	case c.Backup.Keep < 0:
		return core.E(core.Invalid, op, "backup.keep must not be negative").WithHint(configHint)
	}
	return nil
}

func (s Store) check() error {
	const op = "config"
	switch {
	case s.URL != "" && s.RelayURL == "":
		return core.E(core.Invalid, op, "store.url needs store.relay_url").WithHint("the outbox relay has a role of its own: see docs/operating.md")
	case s.URL == "" && (s.RelayURL != "" || s.MigrateURL != ""):
		return core.E(core.Invalid, op, "store.relay_url and store.migrate_url are of no use without store.url").WithHint(configHint)
	case s.MaxConns < 2 || s.MaxConns > 1000:
		return core.E(core.Invalid, op, "store.max_conns must be from 2 to 1000").WithHint(configHint)
	case s.SlowAfter < 0:
		return core.E(core.Invalid, op, "store.slow_after must not be negative").WithHint("0s records no slow statement; " + configHint)
	case s.URL == "":
		return nil
	}
	return s.checkURLs()
}

// checkURLs sees that each URL is one, and of a role of its own. A start would admit the
// role of a URL to what that URL is for, which can't be taken back without an administrator.
func (s Store) checkURLs() error {
	roles := map[string]string{} // and the key that they are of
	for _, u := range []struct {
		key string
		url Secret
	}{{"store.migrate_url", s.MigrateURL}, {"store.relay_url", s.RelayURL}, {"store.url", s.URL}} {
		if u.url == "" {
			continue
		}
		role, err := roleOf(u.key, u.url.Reveal())
		if err != nil {
			return err
		}
		if other := roles[role]; other != "" {
			e := core.E(core.Denied, "config", u.key+" logs in as "+role+", the role of "+other)
			if other == "store.migrate_url" {
				e.Msg += ", which owns tables"
			}
			return e.WithHint("each URL needs a role of its own: see docs/operating.md")
		}
		roles[role] = u.key
	}
	return nil
}

// roleOf returns the role that a URL of PostgreSQL names. Its errors show no password.
func roleOf(key, address string) (string, error) {
	wrong := func(why string) *core.Error {
		return core.E(core.Invalid, "config", key+why).
			WithHint("write it as postgres://user:password@host:port/database, with %40 for @, %2F for /, %23 for # and %25 for % in the password")
	}
	scheme, _, _ := strings.Cut(address, "://")
	if scheme != "postgres" && scheme != "postgresql" {
		return "", wrong(" isn't a URL of PostgreSQL")
	}
	conn, err := pgx.ParseConfig(address)
	if err != nil { // it quotes the URL, without the password
		return "", wrong(" isn't a URL of PostgreSQL").Because(err)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", wrong(" isn't a URL of PostgreSQL") // its text may quote the password
	case (u.User == nil || u.User.Username() == "") && !u.Query().Has("user"):
		return "", wrong(" names no user")
	case conn.Database == "":
		return "", wrong(" names no database")
	}
	return conn.User, nil
}

// topicName is what Kafka takes for a topic, with room for the suffix of a second one.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,237}$`)

func (b Bus) check() error {
	const op = "config"
	for _, broker := range b.addresses() {
		host, port, err := net.SplitHostPort(broker)
		if n, e := strconv.Atoi(port); err != nil || e != nil || host == "" || n < 1 || n > 65535 {
			return core.E(core.Invalid, op, "bus.brokers: "+strconv.Quote(broker)+" isn't host:port").WithHint("as in kafka-1:9092,kafka-2:9092")
		}
	}
	switch {
	case !topicName.MatchString(b.Topic) || strings.Trim(b.Topic, ".") == "":
		return core.E(core.Invalid, op, "bus.topic can't be a topic's name").WithHint("use letters, digits, dots, underscores and dashes, at most 237")
	case b.Brokers == "":
		return nil
	case b.Password != "" && b.User == "":
		return core.E(core.Invalid, op, "bus.password needs bus.user").WithHint(configHint)
	case b.CAFile != "" && !b.TLS:
		return core.E(core.Invalid, op, "bus.ca_file is of no use without bus.tls").WithHint("set bus.tls to true")
	}
	return nil
}

// addresses are the brokers, each by itself.
func (b Bus) addresses() (all []string) {
	if b.Brokers == "" {
		return nil
	}
	for broker := range strings.SplitSeq(b.Brokers, ",") {
		all = append(all, strings.TrimSpace(broker))
	}
	return all
}

func (c Config) checkKeys() error {
	const op = "config"
	for _, k := range []struct {
		key  string
		keys Keys
	}{{"keys", c.Keys}, {"old_keys", c.OldKeys}} {
		switch {
		case k.keys.named() > 1:
			return core.E(core.Invalid, op, k.key+".file, "+k.key+".key and "+k.key+".vault_address exclude each other").WithHint("there is one master key")
		case k.keys.VaultAddress != "" && k.keys.VaultToken == "":
			return core.E(core.Invalid, op, k.key+".vault_address needs "+k.key+".vault_token_file").WithHint(configHint)
		}
	}
	switch {
	case c.Store.URL != "" && c.Keys.named() == 0:
		return core.E(core.Invalid, op, "with store.url the master key must be named").
			WithHint("every node needs the same: set keys.file (isekai keys new FILE makes one), ISEKAI_KEYS_KEY or keys.vault_address")
	case c.OldKeys.named() > 0 && c.OldKeys == c.Keys:
		return core.E(core.Invalid, op, "keys and old_keys name the same master key").WithHint("old_keys is the one to move from; leave it out when that is done")
	}
	return nil
}
