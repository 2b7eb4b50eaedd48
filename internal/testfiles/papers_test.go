package testfiles_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// papers is where the demo keeps what make.sh makes for it.
const papers = "../../refserver/demo/papers"

func TestEverySamplePaperIsFiledAndReadable(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(papers, "manifest.json"))
	require.NoError(t, err)
	var manifest []struct {
		File          string `json:"file"`
		MediaType     string `json:"media_type"`
		Title         string `json:"title"`
		Kind          string `json:"kind"`
		Folder        string `json:"folder"`
		Private       bool   `json:"private"`
		Expires       string `json:"expires"`
		ExpiresInDays int    `json:"expires_in_days"`
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&manifest))

	filed := map[string]bool{"manifest.json": true, "README.md": true}
	soon := 0
	for _, paper := range manifest {
		require.False(t, filed[paper.File], "%s is filed twice", paper.File)
		filed[paper.File] = true
		require.NotEmpty(t, paper.Title)
		require.NotEmpty(t, paper.Kind)
		require.Contains(t, []string{"identity", "health", "housing", "work", "family", "money"}, paper.Folder)
		if paper.Expires != "" {
			require.Zero(t, paper.ExpiresInDays, "%s expires twice", paper.File)
			_, err := time.Parse(time.DateOnly, paper.Expires)
			require.NoError(t, err)
		}
		if paper.ExpiresInDays > 0 {
			soon++
		}
		path := filepath.Join(papers, paper.File)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, paper.MediaType, http.DetectContentType(content))
		if paper.MediaType == "application/pdf" {
			require.Contains(t, run(t, program(t, "pdftotext"), path, "-"), "SPECIMEN", "a paper that does not say it is an example")
		} else {
			require.Contains(t, run(t, program(t, "identify"), path), "JPEG")
		}
	}
	require.Positive(t, soon, "the demo shows what expires soon")

	entries, err := os.ReadDir(papers)
	require.NoError(t, err)
	for _, entry := range entries {
		require.True(t, filed[entry.Name()], "%s is not in the manifest", entry.Name())
	}
}
