package home

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// homey is Homey's Web API, of the manager of devices. What can be done with a device are its
// capabilities that can be set.
type homey struct{}

type homeyDevice struct {
	ID           string
	Name         string
	Class        string
	Available    *bool
	Capabilities map[string]capability `json:"capabilitiesObj"`
}

type capability struct {
	ID       string
	Value    any
	Type     string // boolean, number, string or enum
	Units    any    // a text, or one by language
	Setable  bool
	Min, Max *float64
	Values   []struct{ ID string }
}

var (
	homeyID      = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	capabilityID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

const homeyDevices = "/api/manager/devices/device"

func (h homeyDevice) device() Device {
	d := Device{ID: h.ID, Name: h.Name, Kind: h.Class, Details: map[string]string{}}
	var short []string
	for _, id := range slices.Sorted(maps.Keys(h.Capabilities)) {
		c := h.Capabilities[id]
		b, _ := json.Marshal(c.Value) // of what was JSON
		value := strings.Trim(string(b), `"`)
		if units, ok := c.Units.(string); ok {
			value += " " + units
		}
		d.Details[id] = value
		if c.Setable {
			d.Actions = append(d.Actions, id)
		}
		if len(short) < 5 {
			short = append(short, id+" "+value)
		}
	}
	if h.Available != nil && !*h.Available {
		short = append([]string{"unavailable"}, short...)
	}
	d.State = strings.Join(short, ", ")
	return d
}

func (homey) devices(ctx context.Context, ask asker) (all []Device, err error) {
	var found map[string]homeyDevice
	err = ask(ctx, http.MethodGet, homeyDevices, nil, &found)
	for _, id := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[id].device())
	}
	return all, err
}

func (homey) find(ctx context.Context, ask asker, id string) (d homeyDevice, err error) {
	if !homeyID.MatchString(id) {
		return d, core.E(core.Invalid, "home", "a device of Homey's is named by its id").WithHint("list_devices shows the ids")
	}
	return d, ask(ctx, http.MethodGet, homeyDevices+"/"+id, nil, &d)
}

func (h homey) device(ctx context.Context, ask asker, id string) (Device, error) {
	d, err := h.find(ctx, ask, id)
	return d.device(), err
}

// control sets a capability, to a value of the type that it has.
func (h homey) control(ctx context.Context, ask asker, c command) (string, error) {
	if !capabilityID.MatchString(c.Action) || len(c.Data) > 0 {
		return "", core.E(core.Invalid, "home", "the action is a capability of the device, as in onoff, and takes a value, not data")
	}
	d, err := h.find(ctx, ask, c.Device)
	if err != nil {
		return "", err
	}
	what, ok := d.Capabilities[c.Action]
	if !ok || !what.Setable {
		return "", core.E(core.Invalid, "home", "the device has no "+c.Action+" that can be set").WithHint("it has: " + strings.Join(d.device().Actions, ", "))
	}
	value, err := what.parse(c.Value)
	if err != nil {
		return "", err
	}
	var answer any
	if err := ask(ctx, http.MethodPut, homeyDevices+"/"+c.Device+"/capability/"+c.Action, map[string]any{"value": value}, &answer); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s of %s is set to %v", c.Action, line(d.Name, 100), value), nil
}

// parse reads a value for a capability.
func (c capability) parse(s string) (any, error) {
	switch c.Type {
	case "boolean":
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, core.E(core.Invalid, "home", "the value is true or false")
		}
		return b, nil
	case "number":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || c.Min != nil && f < *c.Min || c.Max != nil && f > *c.Max {
			return nil, core.E(core.Invalid, "home", "the value is a number"+c.bounds())
		}
		return f, nil
	case "enum":
		var all []string
		for _, v := range c.Values {
			all = append(all, v.ID)
		}
		if len(all) > 0 && !slices.Contains(all, s) {
			return nil, core.E(core.Invalid, "home", "the value is one of "+strings.Join(all, ", "))
		}
	}
	return s, nil
}

func (c capability) bounds() string {
	if c.Min == nil || c.Max == nil {
		return ""
	}
	return fmt.Sprintf(" from %g to %g", *c.Min, *c.Max)
}
