package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// dice makes values as the document describes them, and others.
type dice struct {
	*rand.Rand
	known map[string][]string // what is there, by the names of members and parameters
	fixed map[string]any      // what a caller would send under this name
}

func (d *dice) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *dice, of ...T) T { return of[d.IntN(len(of))] }

// nasty are texts that programs stumble over.
var nasty = []string{
	"", " ", "0", "-1", "null", "../../etc/passwd", "%00", "%zz", "'; --", "<script>alert(1)</script>", "\u202eFDP.exe", "مرحبا بالعالم", "١٢٣٤٥٦", "Ω≈ç√∫˜µ", "😀",
	"\x00", "a\r\nX: y", strings.Repeat("x", 300), strings.Repeat("é", 1001), strings.Repeat("ع", 20_001), "aaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "zzzzzzzzzzzzzzzzzzzzzzzzzz",
	"2026-02-31", "2026-01-01", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "true", "[]", "{}",
}

// id is one that was given to somebody, or nearly.
func (d *dice) id(name string) string {
	if all := d.known[name]; len(all) > 0 && d.chance(85) {
		if d.chance(60) {
			return all[len(all)-1]
		}
		return pick(d, all...)
	}
	if d.chance(30) { // an id of something else
		for _, kind := range slices.Sorted(maps.Keys(d.known)) {
			if d.chance(20) {
				return pick(d, d.known[kind]...)
			}
		}
	}
	return pick(d, nasty...)
}

// value is as a schema says.
func (d *dice) value(name string, ref *openapi3.SchemaRef) any {
	s := ref.Value
	if v, is := d.fixed[name]; is && d.chance(85) {
		return v
	}
	if len(d.known[name]) > 0 && s.Type.Is("string") && d.chance(85) {
		return d.id(name)
	}
	if len(s.Enum) > 0 {
		return pick(d, s.Enum...)
	}
	switch {
	case s.Type.Is("object"):
		return d.object(s)
	case s.Type.Is("array"):
		return d.array(name, s)
	case s.Type.Is("boolean"):
		return d.chance(70)
	case s.Type.Is("integer"), s.Type.Is("number"):
		return d.number(s)
	}
	return d.text(s)
}

func (d *dice) object(s *openapi3.Schema) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !s.Properties[name].Value.ReadOnly && (slices.Contains(s.Required, name) || d.chance(40)) {
			out[name] = d.value(name, s.Properties[name])
		}
	}
	if more := s.AdditionalProperties.Schema; more != nil {
		for range d.IntN(3) {
			out[pick(d, "document", "note", "contact", "appointment", "Santé", "عمل")] = pick[any](d, "private", "shared", d.value("", more))
		}
	}
	return out
}

func (d *dice) array(name string, s *openapi3.Schema) []any {
	most := 3
	if s.MaxItems != nil {
		most = min(most, int(*s.MaxItems))
	}
	out := []any{}
	for range int(s.MinItems) + d.IntN(most+1) {
		out = append(out, d.value(strings.TrimSuffix(name, "s"), s.Items))
	}
	return out
}

func (d *dice) number(s *openapi3.Schema) any {
	least, most := 0.0, 1e6
	if s.Min != nil {
		least = *s.Min
	}
	if s.Max != nil {
		most = *s.Max
	}
	return pick(d, least, most, least+math.Floor(d.Float64()*(most-least)))
}

func (d *dice) text(s *openapi3.Schema) string {
	least, most := int(s.MinLength), 40
	if s.MaxLength != nil {
		most = int(*s.MaxLength)
	}
	switch {
	case s.Format == "date":
		return pick(d, "2026-03-01", "2031-12-31", "1999-01-01")
	case s.Format == "date-time":
		return pick(d, "2026-03-01T10:00:00Z", "2031-12-31T23:59:59+01:00", "2020-01-01T00:00:00Z")
	case s.Format == "byte":
		return base64.StdEncoding.EncodeToString([]byte("bytes"))
	case strings.Contains(s.Pattern, "{26}"):
		return d.id("item")
	case strings.HasPrefix(s.Pattern, "^["):
		return fmt.Sprint(d.IntN(1000))
	}
	length := pick(d, least, min(most, 500), least+d.IntN(min(most, 60)-min(least, min(most, 60))+1), min(most, 12))
	letters := []rune(pick(d, "abc déf ", "مرحبا ", "0123456789", "日本語", "A-b_c.d"))
	var out []rune
	for range length {
		out = append(out, letters[d.IntN(len(letters))])
	}
	return string(out)
}

// broken does to a JSON value what programs with a fault do.
func (d *dice) broken(v any) any {
	o, is := v.(map[string]any)
	if !is || len(o) == 0 {
		return d.other()
	}
	name := pick(d, slices.Sorted(maps.Keys(o))...)
	switch d.IntN(6) {
	case 0:
		delete(o, name)
	case 1:
		o[pick(d, "extra", "__proto__", "Id", strings.ToUpper(name), "")] = d.other()
	case 2:
		o[name] = nil
	case 3:
		o[name] = pick(d, nasty...)
	case 4:
		o[name] = d.other()
	default:
		o[name] = d.broken(o[name])
	}
	return o
}

func (d *dice) other() any {
	return pick[any](d, nil, true, 0, -1, 1.5, 1e300, math.MaxInt64, "", "text", []any{}, []any{nil}, map[string]any{}, strings.Repeat("x", 2000), []any{[]any{[]any{1}}}, pick(d, nasty...))
}

// encoded is a value as JSON, or what was meant to be.
func (d *dice) encoded(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	if !d.chance(12) {
		return raw
	}
	switch d.IntN(9) {
	case 0:
		return raw[:d.IntN(len(raw))]
	case 1:
		return append(raw, raw...)
	case 2:
		return []byte(strings.Replace(string(raw), `"`, "\"\xff", 1))
	case 3:
		return []byte(strings.Repeat("[", 20_000))
	case 4:
		return []byte(strings.Replace(string(raw), ":", ":1e999,\"a\":", 1))
	case 5:
		return []byte(strings.Replace(string(raw), "{", `{"a":1,"a":2,`, 1))
	case 6:
		return append([]byte("\xef\xbb\xbf"), raw...)
	case 7:
		return []byte(`{"a":"` + strings.Repeat("x", maxJSON) + `"}`)
	}
	return nil
}

func (d *dice) bytes(most int) []byte {
	out := make([]byte, d.IntN(most))
	for i := range out {
		out[i] = byte(d.Uint32())
	}
	return out
}

// form is one with a file, or nearly.
func (d *dice) form(headers http.Header) []byte {
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	by := "code"
	if d.fixed["link"] != nil {
		by = "link"
	}
	for _, name := range []string{by, "name"} {
		if d.chance(92) {
			_ = form.WriteField(name, pick(d, fmt.Sprint(d.fixed[name]), fmt.Sprint(d.fixed[name]), pick(d, nasty...))) // a buffer takes all
		}
	}
	if d.chance(92) {
		file, _ := form.CreateFormFile(pick(d, "file", "file", "file", "code"), pick(d, nasty...))
		_, _ = file.Write(pick(d, []byte("%PDF-1.7"), []byte("text"), d.bytes(5000)))
	}
	if d.chance(92) {
		_ = form.Close()
	}
	headers.Set("Content-Type", form.FormDataContentType())
	return out.Bytes()
}
