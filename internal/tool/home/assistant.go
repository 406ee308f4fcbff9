package home

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// assistant is Home Assistant's REST API. Its devices are entities.
type assistant struct{}

type entity struct {
	ID         string         `json:"entity_id"`
	State      string         `json:"state"`
	Attributes map[string]any `json:"attributes"`
	Changed    string         `json:"last_changed"`
}

var (
	entityID = regexp.MustCompile(`^[a-z0-9_]+\.[a-z0-9_]+$`)
	service  = regexp.MustCompile(`^([a-z0-9_]+\.)?[a-z0-9_]+$`)
)

func (e entity) device() Device {
	kind, _, _ := strings.Cut(e.ID, ".")
	d := Device{ID: e.ID, Kind: kind, State: e.State, Details: map[string]string{}}
	if e.Changed != "" {
		d.Details["last_changed"] = e.Changed
	}
	for name, value := range e.Attributes {
		text, ok := value.(string)
		if !ok {
			b, _ := json.Marshal(value) // of what was JSON
			text = string(b)
		}
		switch name {
		case "friendly_name":
			d.Name = text
		case "unit_of_measurement":
			d.State += " " + text
		case "entity_picture", "access_token", "icon", "attribution", "supported_features":
		default:
			d.Details[name] = text
		}
	}
	return d
}

func (assistant) devices(ctx context.Context, ask asker) (all []Device, err error) {
	var states []entity
	err = ask(ctx, http.MethodGet, "/api/states", nil, &states)
	for _, e := range states {
		all = append(all, e.device())
	}
	return all, err
}

func (assistant) device(ctx context.Context, ask asker, id string) (Device, error) {
	if !entityID.MatchString(id) {
		return Device{}, core.E(core.Invalid, "home", "a device of Home Assistant is an entity, as in light.kitchen")
	}
	var e entity
	err := ask(ctx, http.MethodGet, "/api/states/"+id, nil, &e)
	return e.device(), err
}

// general are the services of Home Assistant itself that are about whatever entity they are given.
var general = []string{"homeassistant.turn_on", "homeassistant.turn_off", "homeassistant.toggle", "homeassistant.update_entity"}

// targets name what a service is about: that is the device alone.
var targets = []string{"entity_id", "device_id", "area_id", "floor_id", "label_id", "target"}

// control calls a service of the device's own domain, about that device.
func (assistant) control(ctx context.Context, ask asker, c command) (string, error) {
	bad := func(why string) (string, error) { return "", core.E(core.Invalid, "home", why) }
	domain, _, _ := strings.Cut(c.Device, ".")
	if !strings.Contains(c.Action, ".") {
		c.Action = domain + "." + c.Action
	}
	switch {
	case !entityID.MatchString(c.Device):
		return bad("a device of Home Assistant is an entity, as in light.kitchen")
	case !service.MatchString(c.Action) || !strings.HasPrefix(c.Action, domain+".") && !slices.Contains(general, c.Action):
		return bad("the action is a service of the device's own kind, as in " + domain + ".turn_on")
	case c.Value != "":
		return bad("an action of Home Assistant takes data, not a value")
	}
	body := map[string]any{}
	for name, value := range c.Data {
		if slices.Contains(targets, name) {
			return bad("data can't name other devices")
		}
		body[name] = value
	}
	body["entity_id"] = c.Device
	var changed []entity
	if err := ask(ctx, http.MethodPost, "/api/services/"+strings.Replace(c.Action, ".", "/", 1), body, &changed); err != nil {
		return "", err
	}
	states := map[string]string{}
	for _, e := range changed {
		states[e.ID] = e.State
	}
	var now []string
	for _, id := range slices.Sorted(maps.Keys(states)) {
		now = append(now, fmt.Sprintf("%s is %s", line(id, 100), line(states[id], 100)))
	}
	if len(now) == 0 {
		return c.Action + " was called; Home Assistant tells of no change", nil
	}
	return c.Action + " was called: " + strings.Join(now[:min(len(now), 20)], ", "), nil
}
