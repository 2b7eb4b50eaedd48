package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed viewer.html
var viewerHTML string

//go:embed viewer.css
var viewerCSS string

// pagePolicy lets a page of this package have its style and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveDocument serves the OpenAPI document in both of its forms, and a page
// that shows it, without scripts and without another site. Each is rendered once,
// when somebody asks for it first: a server starts without waiting for what few read.
func (a *API) serveDocument() error {
	doc := a.doc.OpenAPI()
	shareRefusals(doc)
	a.serve("/openapi.json", "application/openapi+json", doc.MarshalJSON)
	a.serve("/openapi.yaml", "application/openapi+yaml", doc.YAML)
	a.serve("/docs", "text/html; charset=utf-8", func() ([]byte, error) { return renderViewer(doc) })
	a.serve("/docs.css", "text/css; charset=utf-8", func() ([]byte, error) { return []byte(viewerCSS), nil })
	return a.serveExplanations()
}

// serve answers with bytes that are about nobody and the same for all.
func (a *API) serve(path, mediaType string, render func() ([]byte, error)) {
	type rendered struct {
		content []byte
		tag     string
	}
	once := sync.OnceValues(func() (rendered, error) {
		content, err := render()
		if err != nil {
			err = fmt.Errorf("api: render %s: %w", path, err)
		}
		return rendered{content, `"` + digestKey(content) + `"`}, err
	})
	a.mux.HandleFunc("GET "+Path+path, func(w http.ResponseWriter, r *http.Request) {
		page, err := once()
		if err != nil {
			a.report(r.Context(), path, err)
			writeProblem(w, r, err)
			return
		}
		w.Header().Set("ETag", page.tag)
		if unchanged(r.Header.Get("If-None-Match"), page.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Security-Policy", pagePolicy)
		_, _ = w.Write(page.content) // the caller may have gone
	})
}

// viewerPage is what the page shows.
type viewerPage struct {
	Title, Version, Path string
	About                []string
	Groups               []viewerGroup
	Schemas              []viewerSchema
}

type viewerGroup struct {
	Name, Description string
	Operations        []viewerOperation
}

type viewerOperation struct {
	ID, Method, Path, Summary, Description string
	Open                                   bool
	Inputs                                 []viewerField
	Answers                                []viewerAnswer
}

type viewerAnswer struct {
	Status, Description, Schema string
}

type viewerField struct {
	Name, In, Type, Schema, Description string
	Required                            bool
}

type viewerSchema struct {
	Name   string
	Fields []viewerField
}

func renderViewer(doc *huma.OpenAPI) ([]byte, error) {
	tmpl, err := template.New("viewer").Parse(viewerHTML)
	if err != nil {
		return nil, err
	}
	page := viewerPage{Title: doc.Info.Title, Version: doc.Info.Version, Path: Path, About: strings.Split(plain(doc.Info.Description), "\n\n")}
	for _, tag := range doc.Tags {
		page.Groups = append(page.Groups, viewerGroup{Name: tag.Name, Description: tag.Description, Operations: operationsOf(doc, tag.Name)})
	}
	for name, schema := range doc.Components.Schemas.Map() {
		page.Schemas = append(page.Schemas, viewerSchema{Name: name, Fields: fieldsOf(doc, schema, "")})
	}
	slices.SortFunc(page.Schemas, func(a, b viewerSchema) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	err = tmpl.Execute(&out, page)
	return out.Bytes(), err
}

// plain takes the marks of CommonMark out of a text that uses two of them.
func plain(s string) string { return strings.NewReplacer("**", "", "`", "").Replace(s) }

func operationsOf(doc *huma.OpenAPI, tag string) []viewerOperation {
	var out []viewerOperation
	for path, item := range doc.Paths {
		for _, op := range operationsAt(item) {
			if slices.Contains(op.Tags, tag) {
				out = append(out, viewOperation(doc, path, op))
			}
		}
	}
	slices.SortFunc(out, func(a, b viewerOperation) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.Method, b.Method)
	})
	return out
}

func viewOperation(doc *huma.OpenAPI, path string, op *huma.Operation) viewerOperation {
	view := viewerOperation{
		ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary,
		Description: plain(op.Description), Open: len(op.Security) == 0,
	}
	for _, p := range op.Parameters {
		view.Inputs = append(view.Inputs, viewField(p.Name, p.In, p.Description, p.Required, p.Schema))
	}
	if op.RequestBody != nil {
		for mediaType, content := range op.RequestBody.Content {
			if content.Schema.Ref == "" && len(content.Schema.Properties) == 0 {
				view.Inputs = append(view.Inputs, viewerField{Name: mediaType, In: "body", Required: true, Type: "bytes", Description: op.RequestBody.Description})
				continue
			}
			view.Inputs = append(view.Inputs, fieldsOf(doc, resolve(doc, content.Schema), "body")...)
		}
	}
	for status, answer := range op.Responses {
		if name, shared := strings.CutPrefix(answer.Ref, sharedAnswers); shared {
			answer = doc.Components.Responses[name]
		}
		shown := viewerAnswer{Status: status, Description: answer.Description}
		for _, content := range answer.Content {
			shown.Schema = linkTo(content.Schema)
		}
		view.Answers = append(view.Answers, shown)
	}
	slices.SortFunc(view.Answers, func(a, b viewerAnswer) int { return strings.Compare(a.Status, b.Status) })
	return view
}

func fieldsOf(doc *huma.OpenAPI, schema *huma.Schema, in string) []viewerField {
	var out []viewerField
	for name, field := range schema.Properties {
		out = append(out, viewField(name, in, field.Description, slices.Contains(schema.Required, name), field))
	}
	slices.SortFunc(out, func(a, b viewerField) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func viewField(name, in, description string, required bool, schema *huma.Schema) viewerField {
	view := viewerField{Name: name, In: in, Required: required, Description: description, Type: schema.Type, Schema: linkTo(schema)}
	if schema.Format != "" {
		view.Type = schema.Format
	}
	if len(schema.Enum) > 0 {
		view.Type = strings.Trim(fmt.Sprint(schema.Enum...), "[]")
	}
	if schema.Items != nil {
		view.Type, view.Schema = "list of "+schema.Items.Type, linkTo(schema.Items)
	}
	return view
}

func resolve(doc *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	if schema.Ref == "" {
		return schema
	}
	return doc.Components.Schemas.SchemaFromRef(schema.Ref)
}

// linkTo returns the name of a schema that has one.
func linkTo(schema *huma.Schema) string {
	if schema == nil {
		return ""
	}
	return strings.TrimPrefix(schema.Ref, "#/components/schemas/")
}
