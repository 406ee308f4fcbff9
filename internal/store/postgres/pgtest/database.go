package pgtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// The roles of every cluster's databases.
const (
	Owner  = "isekai_owner"  // migrates; no superuser
	Server = "isekai_server" // the application's
	Relay  = "isekai_relayer"
)

const template = "template_isekai"

// Database makes a database that is set up, for one test.
func (c *Cluster) Database(t testing.TB) postgres.Config {
	t.Helper()
	cfg, err := c.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// NewDatabase makes a database that is set up. It is there as long as the cluster.
func (c *Cluster) NewDatabase() (postgres.Config, error) {
	if err := c.template(); err != nil {
		return postgres.Config{}, err
	}
	return c.create("TEMPLATE " + template)
}

// Empty makes a database that the owner may set up.
func (c *Cluster) Empty(t testing.TB) postgres.Config {
	t.Helper()
	err := c.template() // for the roles
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.create("")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// create makes a database with a new name.
func (c *Cluster) create(option string) (postgres.Config, error) {
	c.mu.Lock()
	c.count++
	name := fmt.Sprintf("test_%d", c.count)
	c.mu.Unlock()
	return c.config(name), c.Admin("postgres", "CREATE DATABASE "+name+" OWNER "+Owner+" "+option)
}

func (c *Cluster) config(database string) postgres.Config {
	return postgres.Config{URL: c.URL(Server, database), RelayURL: c.URL(Relay, database), MigrateURL: c.URL(Owner, database)}
}

// makeTemplate makes the database that the others are copies of, and the roles.
func (c *Cluster) makeTemplate() error {
	err := errors.Join(
		c.Admin("postgres", "CREATE ROLE "+Owner+" LOGIN CREATEROLE"),
		c.Admin("postgres", "CREATE DATABASE "+template+" OWNER "+Owner),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return postgres.Setup(ctx, c.config(template))
}

// Admin runs statements as the superuser, one after another, outside a transaction.
func (c *Cluster) Admin(database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres", database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
