package webhooks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"reconnect.example/refserver/outbound"
	"reconnect.example/vault"
)

// Endpoint is one program that is told of events.
type Endpoint struct {
	// Name is how the operator calls it, and where its deliveries lie: a to z, 0 to 9 and -.
	Name string `yaml:"name"`
	// URL takes a POST, over HTTPS and in the public internet.
	URL string `yaml:"url"`
	// Secrets sign each delivery: one, or while it is exchanged two.
	Secrets []string `yaml:"secrets"`
	// Types are those that it is told of; none: all.
	Types []vault.EventType `yaml:"types"`
}

func (e Endpoint) wants(t vault.EventType) bool {
	return len(e.Types) == 0 || slices.Contains(e.Types, t)
}

const (
	mostEndpoints = 20
	largestFile   = 64 << 10 // bytes
)

var endpointName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// ReadFile reads endpoints that a client reaches from a file in JSON or YAML: a list. The
// errors say what is wrong with which one, and repeat no secret and no URL.
func ReadFile(path string, by *outbound.Client) ([]Endpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largestFile {
		return nil, errors.New("webhooks: the file is too large")
	}
	var all []Endpoint
	if yaml.Unmarshal(text, &all) != nil { // its error would quote the file
		return nil, errors.New("webhooks: the file is not a list in JSON or YAML of name, url, secrets and types")
	}
	return all, CheckEndpoints(all, by)
}

// CheckEndpoints finds what is wrong with endpoints, all at once.
func CheckEndpoints(all []Endpoint, by *outbound.Client) error {
	var problems []error
	names := map[string]bool{}
	if len(all) > mostEndpoints {
		problems = append(problems, fmt.Errorf("webhooks: more than %d", mostEndpoints))
	}
	for n, e := range all {
		wrong := func(what string) { problems = append(problems, fmt.Errorf("webhooks: number %d: %s", n+1, what)) }
		if !endpointName.MatchString(e.Name) || names[e.Name] {
			wrong("the name is not one of its own, of a to z, 0 to 9 and -, at most 32")
		}
		names[e.Name] = true
		if by.CheckURL(e.URL) != nil {
			wrong("the url is not an https:// one of the public internet, and --webhooks-private does not allow it")
		}
		if len(e.Secrets) < 1 || len(e.Secrets) > 2 || slices.ContainsFunc(e.Secrets, func(s string) bool { return parseSecret(s) == nil }) {
			wrong("the secrets are not one or two like refserver admin webhook-secret makes")
		}
		for _, t := range e.Types {
			if !slices.Contains(vault.EventTypes(), t) {
				wrong(fmt.Sprintf("types: not one of %v", vault.EventTypes()))
			}
		}
	}
	return errors.Join(problems...)
}
