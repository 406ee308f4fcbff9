package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// modelName is a model as both OpenAI's and Anthropic's clients know it.
type modelName struct {
	ID          string    `json:"id"`
	Object      string    `json:"object" enum:"model"`
	Created     int64     `json:"created"` // Unix seconds
	OwnedBy     string    `json:"owned_by"`
	Type        string    `json:"type" enum:"model"`
	DisplayName string    `json:"display_name"`
	CreatedAt   time.Time `json:"created_at"`
}

// modelNameList is a list of them, likewise.
type modelNameList struct {
	Object  string      `json:"object" enum:"list"`
	Data    []modelName `json:"data"`
	HasMore bool        `json:"has_more"`
	FirstID *string     `json:"first_id"`
	LastID  *string     `json:"last_id"`
}

// modelNames registers what clients of OpenAI and Anthropic ask for models.
func (s *server) modelNames() {
	mark := map[string]any{dialectMark: dialect.OpModels}
	described := func(op huma.Operation, schema *huma.Schema) huma.Operation {
		op.Metadata = mark
		op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
		return op
	}
	registry := s.api.OpenAPI().Components.Schemas
	s.raw(identity.ModelUse, described(huma.Operation{
		OperationID: "model-names", Method: http.MethodGet, Path: "/v1/models", Summary: "List the models that can be called", Tags: []string{"models"},
		Description: "For unmodified clients of OpenAI's and of Anthropic's list of models.",
	}, huma.SchemaFromType(registry, typeOf[modelNameList]())), bounds{Seconds: usual.Seconds}, s.listModels)
	s.raw(identity.ModelUse, described(huma.Operation{
		OperationID: "model-name", Method: http.MethodGet, Path: "/v1/models/{model}", Summary: "Look at a model that can be called", Tags: []string{"models"},
		Parameters: []*huma.Param{{Name: "model", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
	}, huma.SchemaFromType(registry, typeOf[modelName]())), bounds{Seconds: usual.Seconds}, s.oneModel)
}

func named(o catalog.Offer) modelName {
	epoch := time.Unix(0, 0).UTC() // providers say when a model was made, routes were made by people: nobody asks
	return modelName{ID: o.Name, Object: "model", OwnedBy: o.Owner, Type: "model", DisplayName: o.Name, CreatedAt: epoch}
}

func (s *server) listModels(hc huma.Context) {
	s.modelAnswer(hc, func(v *catalog.View) (any, error) {
		list := modelNameList{Object: "list", Data: []modelName{}}
		for _, o := range v.Models() {
			list.Data = append(list.Data, named(o))
		}
		if n := len(list.Data); n > 0 {
			list.FirstID, list.LastID = &list.Data[0].ID, &list.Data[n-1].ID
		}
		return list, nil
	})
}

func (s *server) oneModel(hc huma.Context) {
	s.modelAnswer(hc, func(v *catalog.View) (any, error) {
		if o, is := v.Model(hc.Param("model")); is {
			return named(o), nil
		}
		const said = "there is no such model"
		return nil, core.E(core.NotFound, "request", said).Because(dialect.NoModel(said)).WithHint("GET /v1/models lists what there is")
	})
}

// modelAnswer answers with what f makes of the org's catalog.
func (s *server) modelAnswer(hc huma.Context, f func(*catalog.View) (any, error)) {
	r, w := humago.Unwrap(hc)
	rq := requestOf(r.Context())
	v, err := s.cfg.Models.Of(hc.Context(), rq.who.Scope.Org)
	var answer any
	if err == nil {
		answer, err = f(v)
	}
	if err != nil {
		s.write(hc, rq, err)
		return
	}
	w.Header()["Content-Type"] = jsonContent
	_ = json.NewEncoder(w).Encode(answer) // a reader that has gone needs no answer
}
