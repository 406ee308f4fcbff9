package platform

import (
	"net/url"
	"reflect"

	"github.com/isekai-run/isekai/internal/redact"
)

// filter finds what must not be in a log: what has the shape of a secret, the secrets of
// this configuration, and more. An org's values aren't among them: a log is the
// installation's, and is written without looking into any org's vault.
func (c Config) filter(more ...string) (*redact.Scanner, error) {
	var found []redact.Value
	add := func(text string) {
		if v := (redact.Value{Name: "configuration", Text: text}); v.Valid() == nil {
			found = append(found, v)
		}
	}
	secretsIn(reflect.ValueOf(c), func(s Secret) {
		add(s.Reveal())
		if u, err := url.Parse(s.Reveal()); err == nil && u.User != nil {
			password, _ := u.User.Password()
			add(password)
		}
	})
	for _, text := range more {
		add(text)
	}
	return redact.New(redact.Config{Secrets: found})
}

// secretsIn calls f for each Secret within a value, so that none is forgotten that the
// configuration gets later.
func secretsIn(v reflect.Value, f func(Secret)) {
	switch {
	case v.Type() == reflect.TypeFor[Secret]():
		f(Secret(v.String()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			secretsIn(v.Field(i), f)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			secretsIn(v.Index(i), f)
		}
	}
}

// Clean takes out of a text what has the shape of a secret. It is for what is said once: the
// rules are made anew.
func Clean(text string) string {
	s, err := redact.New(redact.Config{})
	if err != nil { // which only values can cause
		return ""
	}
	return s.Redact(text)
}
