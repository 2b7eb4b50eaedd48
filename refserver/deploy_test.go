package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
)

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", name))
	require.NoError(t, err)
	return string(text)
}

// expressions are what the dashboard and the alerts ask Prometheus.
func expressions(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(deployed(t, "dashboard.json")), &dashboard))
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(deployed(t, "alerts.yaml")), &alerts))
	var all []string
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, rule := range alerts.Groups[0].Rules {
		require.NotEmpty(t, rule.Annotations["do"], rule.Alert)
		all = append(all, rule.Expr)
	}
	require.Greater(t, len(all), 30)
	return all
}

// A panel or an alert on a number that does not exist is silent for ever.
func TestDashboardAndAlertsAskForNumbersThatExist(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("elsewhere there are fewer numbers of the process")
	}
	exist, values := map[string]bool{"up": true}, map[string]bool{}
	families, err := newCounts(&engines.Helped{}).all.Gather()
	require.NoError(t, err)
	for _, f := range families {
		exist[f.GetName()] = true
		for _, m := range f.GetMetric() {
			if m.GetHistogram() != nil {
				exist[f.GetName()+"_bucket"] = true
			}
			for _, l := range m.GetLabel() {
				values[l.GetName()+"="+l.GetValue()] = true
			}
		}
	}
	number, choice := regexp.MustCompile(`\b(?:reconnect|process|go)_[a-z0-9_]+|\bup\b`), regexp.MustCompile(`\b(problem|kind|answer|what)(?:=~|!=|=)"([^"]+)"`)
	unknown := func(expression string) (missing []string) {
		for _, name := range number.FindAllString(expression, -1) {
			if !exist[name] {
				missing = append(missing, name)
			}
		}
		for _, c := range choice.FindAllStringSubmatch(expression, -1) {
			for value := range strings.SplitSeq(c[2], "|") {
				if !values[c[1]+"="+value] {
					missing = append(missing, c[1]+"="+value)
				}
			}
		}
		return missing
	}
	for _, expression := range expressions(t) {
		require.Empty(t, unknown(expression), expression)
		require.Regexp(t, number, expression)
	}
	require.Equal(t, []string{"reconnect_gone", "kind=gone"}, unknown(`reconnect_gone{kind=~"api|gone"}`))
}

// What systemd and a container start is what this program takes.
func TestUnitsAndImageStartCommandsThatExist(t *testing.T) {
	t.Parallel()
	settings := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(settings, []byte("client: [\"one=rw-urk2riwz-xlwlngfw-qkvaadzs-oyyt2kks-venee7j2-fmu3vjvk-efeysiyl\"]\n"), 0o600))
	serverSettings := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(serverSettings, []byte("listen: 127.0.0.1:8080\n"), 0o600))
	command := func(line string) (string, error) {
		args := strings.Fields(line)
		for i, arg := range args {
			switch arg {
			case "/etc/reconnect/witness.yaml":
				args[i] = settings
			case "/etc/reconnect/config.yaml":
				args[i] = serverSettings
			}
		}
		c, err := config.Parse(args, io.Discard)
		if err != nil {
			return "", err
		}
		return c.Command, nil
	}
	starts := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/refserver (.*)$`)
	for unit, want := range map[string][]string{
		"reconnect.service": {"serve"}, "reconnect-witness.service": {"witness serve"},
		"reconnect-backup.service": {"backup take", "backup verify", "backup prune"},
	} {
		text := deployed(t, unit)
		var got []string
		for _, line := range starts.FindAllStringSubmatch(text, -1) {
			name, err := command(line[1])
			require.NoError(t, err, line[1])
			got = append(got, name)
		}
		require.Equal(t, want, got, unit)
		for _, held := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "LimitCORE=0", "UMask=0077", "User=reconnect"} {
			require.Contains(t, text, held, unit)
		}
	}
	image := deployed(t, "Dockerfile")
	health := regexp.MustCompile(`HEALTHCHECK .* CMD (\[.*\])`).FindStringSubmatch(image)
	require.NotNil(t, health)
	var args []string
	require.NoError(t, json.Unmarshal([]byte(health[1]), &args))
	name, err := command(strings.Join(args[1:], " "))
	require.NoError(t, err)
	require.Equal(t, "admin ready", name)
	require.Contains(t, image, "\nUSER 65532:65532\n")
	require.Contains(t, image, "\nFROM scratch\n")
	module, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	language := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindStringSubmatch(string(module))[1]
	require.Contains(t, image, "FROM golang:"+language+".")
}

// Otherwise a paper that the server takes is refused on its way.
func TestProxiesLetThroughWhatTheServerTakes(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(nil, io.Discard)
	require.NoError(t, err)
	for name, pattern := range map[string]string{"Caddyfile": `max_size ([0-9]+)MB`, "nginx.conf": `client_max_body_size ([0-9]+)m;`} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(deployed(t, name))
		require.NotNil(t, found, name)
		most, err := strconv.ParseInt(found[1], 10, 64)
		require.NoError(t, err)
		require.Greater(t, most*1_000_000, mostSpace(c), name)
		require.Contains(t, deployed(t, name), "metrics", name)
	}
}

func TestEveryFileToRunItWithIsInTheManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	entries, err := os.ReadDir("deploy")
	require.NoError(t, err)
	missing := slices.DeleteFunc(entries, func(e os.DirEntry) bool {
		return strings.Contains(string(manual), "refserver/deploy/"+e.Name())
	})
	require.Empty(t, missing)
}
