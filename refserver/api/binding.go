package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/refserver/problem"
)

// binding reads an input from a request and writes an output, both by reflection. huma's
// own Register does the same, and more; but it is generic, so that the compiler makes its
// 450 lines anew for each pair of types: three quarters of the time that this package took.
// The document, its schemas, the validation and what a refusal looks like are huma's.
//
// An input is a struct. Its fields tagged path, query or header are parameters, Body is the
// JSON body. An output is a struct, of which Body is answered in JSON, or writes the answer
// itself if it is a func(huma.Context); Status is the status, and each other field a header.
type binding struct {
	api     huma.API
	op      *huma.Operation
	in      reflect.Type
	params  []param
	queries map[string]bool // parameters of the query by name
	body    []int           // where Body is in the input; nil: there is none
	schema  *huma.Schema    // of the body
	headers []param         // of the output
	answer  []int           // where Body is in the output; nil: there is none
	status  []int           // where Status is in the output; nil: it is the operation's own
	handle  func(context.Context, any) (any, error)
}

// param is a field that is not in a body.
type param struct {
	index        []int
	where, name  string
	defaultValue string
	required     bool
	schema       *huma.Schema
}

// handler is what carries out an operation, with the types of its input and output. It
// hides them, so that what is the same for every operation is compiled once.
type handler struct {
	in, out reflect.Type
	call    func(ctx context.Context, in any) (out any, err error)
}

// handles makes a handler. A nil output is one without headers and body.
func handles[I, O any](handle func(context.Context, *I) (*O, error)) handler {
	return handler{reflect.TypeFor[I](), reflect.TypeFor[O](), func(ctx context.Context, in any) (any, error) {
		out, err := handle(ctx, in.(*I))
		if out == nil {
			return nil, err
		}
		return out, err
	}}
}

// bind adds an operation to the document and to the routes.
func bind(api huma.API, op huma.Operation, h handler) {
	b := &binding{api: api, op: &op, in: h.in, queries: map[string]bool{}, handle: h.call}
	b.describeInput()
	b.describeOutput(h.out)
	api.OpenAPI().AddOperation(&op)
	api.Adapter().Handle(&op, api.Middlewares().Handler(op.Middlewares.Handler(b.serve)))
}

func (b *binding) describeInput() {
	registry := b.api.OpenAPI().Components.Schemas
	for _, f := range reflect.VisibleFields(b.in) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		if f.Name == "Body" {
			b.body = f.Index
			b.schema = huma.SchemaFromField(registry, f, hint(b.in, b.op.OperationID+"Request"))
			b.schema.PrecomputeMessages()
			b.op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: b.schema}}}
			continue
		}
		p := param{index: f.Index, defaultValue: f.Tag.Get("default"), schema: huma.SchemaFromField(registry, f, "")}
		documented := &huma.Param{Description: p.schema.Description, Schema: p.schema}
		for _, where := range []string{"path", "query", "header"} {
			if name := f.Tag.Get(where); name != "" {
				p.where, p.name = where, name
			}
		}
		switch p.where {
		case "path":
			p.required = true
		case "query":
			b.queries[p.name] = true
			documented.Explode = new(bool)
		case "header":
		default:
			panic(fmt.Sprintf("api: field %s of %s is no parameter", f.Name, b.in)) // a slip in this package, met by every test
		}
		if !slices.Contains([]reflect.Kind{reflect.String, reflect.Int, reflect.Uint64, reflect.Bool}, f.Type.Kind()) {
			panic(fmt.Sprintf("api: field %s of %s cannot be a parameter", f.Name, b.in)) // such a slip, too
		}
		documented.Name, documented.In, documented.Required = p.name, p.where, p.required
		b.op.Parameters = append(b.op.Parameters, documented)
		b.params = append(b.params, p)
	}
}

func (b *binding) describeOutput(out reflect.Type) {
	registry := b.api.OpenAPI().Components.Schemas
	for _, f := range reflect.VisibleFields(out) {
		switch {
		case f.Anonymous:
		case f.Name == "Body":
			b.answer = f.Index
		case f.Name == "Status":
			b.status = f.Index
		default:
			b.headers = append(b.headers, param{index: f.Index, name: f.Tag.Get("header"), schema: huma.SchemaFromField(registry, f, "")})
		}
	}
	if b.op.DefaultStatus == 0 {
		b.op.DefaultStatus = http.StatusNoContent
		if b.answer != nil {
			b.op.DefaultStatus = http.StatusOK
		}
	}
	good := &huma.Response{Description: http.StatusText(b.op.DefaultStatus)}
	b.op.Responses[strconv.Itoa(b.op.DefaultStatus)] = good
	if b.answer != nil && out.FieldByIndex(b.answer).Type.Kind() != reflect.Func { // what is streamed, its operation describes
		schema := huma.SchemaFromField(registry, out.FieldByIndex(b.answer), hint(out, b.op.OperationID+"Response"))
		good.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
	}
	for _, h := range b.headers {
		if good.Headers == nil {
			good.Headers = map[string]*huma.Header{}
		}
		good.Headers[h.name] = &huma.Header{Schema: h.schema}
	}
}

// hint names the schema of a body that has no name of its own.
func hint(holder reflect.Type, otherwise string) string {
	if holder.Name() != "" {
		return holder.Name() + "Body"
	}
	return otherwise
}

func (b *binding) serve(ctx huma.Context) {
	in := reflect.New(b.in)
	if err := b.read(ctx, in); err != nil {
		b.refuse(ctx, err)
		return
	}
	out, err := b.handle(ctx.Context(), in.Interface())
	if err != nil {
		b.refuse(ctx, err)
		return
	}
	if out == nil {
		ctx.SetStatus(b.op.DefaultStatus)
		return
	}
	b.write(ctx, reflect.ValueOf(out).Elem())
}

// read fills an input, or says what is wrong with it.
func (b *binding) read(ctx huma.Context, in reflect.Value) error {
	wrong := &mistakes{registry: b.api.OpenAPI().Components.Schemas, at: huma.NewPathBuffer(nil, 0)}
	asked := ctx.URL()
	for name := range asked.Query() {
		if !b.queries[name] { // a name that is misspelled must not pass for a wish that was heard
			wrong.add("query", name, "unknown query parameter")
		}
	}
	if err := wrong.told(); err != nil {
		return err
	}
	for _, p := range b.params {
		value := p.from(ctx)
		if value == "" {
			if p.required {
				wrong.add(p.where, p.name, "required "+p.where+" parameter is missing")
			}
			continue
		}
		parsed, err := set(in.Elem().FieldByIndex(p.index), value)
		if err != nil {
			wrong.add(p.where, p.name, err.Error())
			continue
		}
		wrong.validate(p.schema, parsed, p.where, p.name)
	}
	if b.body != nil {
		raw, err := b.readBody(ctx)
		if err == nil {
			err = b.decode(ctx, raw, in.Elem().FieldByIndex(b.body).Addr().Interface(), wrong)
		}
		if err != nil {
			return err
		}
	}
	if r, resolves := in.Interface().(huma.Resolver); resolves {
		wrong.res.Errors = append(wrong.res.Errors, r.Resolve(ctx)...)
	}
	return wrong.told()
}

// from returns the text of a parameter.
func (p param) from(ctx huma.Context) (value string) {
	switch p.where {
	case "path":
		value = ctx.Param(p.name)
	case "query":
		value = ctx.Query(p.name)
	case "header":
		value = ctx.Header(p.name)
	}
	if value == "" {
		value = p.defaultValue
	}
	return value
}

// set parses a parameter, and returns it as the validation wants it.
func set(field reflect.Value, value string) (any, error) {
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
		return value, nil
	case reflect.Int:
		n, err := strconv.ParseInt(value, 10, 0)
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		field.SetInt(n)
		return n, nil
	case reflect.Uint64:
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		field.SetUint(n)
		return n, nil
	case reflect.Bool:
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errors.New("invalid boolean")
		}
		field.SetBool(yes)
		return yes, nil
	}
	return nil, errors.New("is of a kind that is not read") // describeInput lets none through
}

// readBody returns the bytes of the body.
func (b *binding) readBody(ctx huma.Context) ([]byte, error) {
	var raw bytes.Buffer
	n, err := io.Copy(&raw, io.LimitReader(ctx.BodyReader(), b.op.MaxBodyBytes)) // a body without end would fill the memory
	switch {
	case n == b.op.MaxBodyBytes:
		return nil, problem.ErrTooLarge
	case err != nil:
		return nil, err
	case n == 0:
		return nil, problem.ErrRequest
	}
	return raw.Bytes(), nil
}

// decode puts a body into v.
func (b *binding) decode(ctx huma.Context, raw []byte, v any, wrong *mistakes) error {
	contentType := ctx.Header("Content-Type")
	if contentType == "" {
		contentType = "application/json"
	}
	var parsed any
	switch err := b.api.Unmarshal(contentType, raw, &parsed); {
	case errors.Is(err, huma.ErrUnknownContentType):
		return errMediaType
	case err != nil:
		return problem.ErrRequest // err may repeat a password
	}
	before := len(wrong.res.Errors)
	wrong.validate(b.schema, parsed, "body")
	if err := b.api.Unmarshal(contentType, raw, v); err != nil && len(wrong.res.Errors) == before {
		wrong.add("body", "", "cannot be read") // err may repeat a password
	}
	return nil
}

// refuse tells why an operation was not carried out.
func (b *binding) refuse(ctx huma.Context, err error) {
	p := problemOf(err)
	for name, values := range p.GetHeaders() {
		for _, value := range values {
			ctx.AppendHeader(name, value)
		}
	}
	b.send(ctx, p.Status, problemType, p.in(speaks(ctx.Header("Accept-Language"))))
}

func (b *binding) write(ctx huma.Context, out reflect.Value) {
	for _, h := range b.headers {
		if value := out.FieldByIndex(h.index).String(); value != "" {
			ctx.SetHeader(h.name, value)
		}
	}
	status := b.op.DefaultStatus
	if b.status != nil {
		status = int(out.FieldByIndex(b.status).Int())
	}
	if b.answer == nil {
		ctx.SetStatus(status)
		return
	}
	body := out.FieldByIndex(b.answer).Interface()
	if stream, ok := body.(func(huma.Context)); ok {
		stream(ctx)
		return
	}
	b.send(ctx, status, "application/json", body)
}

func (b *binding) send(ctx huma.Context, status int, contentType string, body any) {
	ctx.SetHeader("Content-Type", contentType)
	ctx.SetStatus(status)
	if status == http.StatusNotModified {
		return
	}
	if err := b.api.Marshal(ctx.BodyWriter(), contentType, body); err != nil && ctx.Context().Err() == nil {
		panic(http.ErrAbortHandler) // the status is out: only a broken connection still says that it failed
	}
}
