package api

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that a test needs and that .ci/run installs.
func program(t *testing.T, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && !everything() {
		t.Skip("not installed: " + install)
	}
	require.NoError(t, err, install)
	return path
}

func TestTheDocumentHasNothingThatALinterMarks(t *testing.T) {
	t.Parallel()
	spectral := program(t, "spectral", "npm install @stoplight/spectral-cli@6.16.3")
	said, err := exec.CommandContext(t.Context(), spectral, "lint", "--fail-severity", "hint", "--ruleset", "spectral.yaml", keptDocument).CombinedOutput()
	require.NoError(t, err, string(said))
}

// madeClient is what oapi-codegen makes of the document.
const madeClient = "apiclient/client.gen.go"

func TestTheClientIsMadeOfTheDocument(t *testing.T) {
	t.Parallel()
	generator := program(t, "oapi-codegen", "go install github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2")
	folder := t.TempDir()
	document, made := filepath.Join(folder, "openapi.json"), filepath.Join(folder, "client.go")
	require.NoError(t, os.WriteFile(document, forTheGenerator(t), 0o600))
	said, err := exec.CommandContext(t.Context(), generator, "-config", "apiclient/generate.yaml", "-o", made, document).CombinedOutput()
	require.NoError(t, err, string(said))
	now, err := os.ReadFile(made)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(madeClient, now, 0o644))
	}
	kept, err := os.ReadFile(madeClient)
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, now), "go generate ./refserver/api/apiclient")
}

// forTheGenerator is the document without what would only make the client long: one form
// of all refusals, and each description once, in the document.
func forTheGenerator(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(keptDocument)
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(raw, &doc))
	problem := map[string]any{"description": "Refused.", "content": map[string]any{problemType: map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Problem"}}}}
	for _, item := range doc["paths"].(map[string]any) {
		for _, op := range item.(map[string]any) {
			op := op.(map[string]any)
			delete(op, "description")
			answers := map[string]any{"default": problem}
			for status, answer := range op["responses"].(map[string]any) {
				if answer.(map[string]any)["$ref"] == nil { // only refusals are shared
					delete(answer.(map[string]any), "headers")
					answers[status] = answer
				}
			}
			op["responses"] = answers
			parameters, _ := op["parameters"].([]any)
			for _, p := range parameters {
				delete(p.(map[string]any), "description")
				delete(p.(map[string]any)["schema"].(map[string]any), "enum")
			}
		}
	}
	delete(doc["components"].(map[string]any), "responses")
	out, err := json.Marshal(doc)
	require.NoError(t, err)
	return out
}
