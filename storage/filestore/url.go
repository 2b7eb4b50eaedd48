package filestore

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"reconnect.example/storage"
)

func init() {
	storage.RegisterBlobs("file", func(_ context.Context, u *url.URL) (storage.Blobs, error) {
		dir, options, err := fromURL(u)
		if err != nil {
			return nil, err
		}
		return Open(dir, options)
	})
}

// fromURL takes apart file:///absolute/path and file:relative/path. What it does
// not know it refuses: a mistyped option must not be an option not set.
func fromURL(u *url.URL) (dir string, options *Options, err error) {
	refuse := func(why string) (string, *Options, error) {
		return "", nil, fmt.Errorf("%w: %s; write file:///absolute/path or file:relative/path", storage.ErrInvalid, why)
	}
	if u.Host != "" || u.User != nil || u.Fragment != "" {
		return refuse("the URL of a file store has a path and nothing else")
	}
	dir = u.Path
	if u.Opaque != "" {
		if dir, err = url.PathUnescape(u.Opaque); err != nil {
			return refuse("the path has a broken escape")
		}
	}
	if dir == "" {
		return refuse("the URL of a file store names no folder")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return refuse("the options are unreadable")
	}
	options = &Options{}
	for key, values := range query {
		if key != "existing" || len(values) != 1 || values[0] != "true" {
			return refuse("the only option is existing=true")
		}
		options.Existing = true
	}
	return filepath.FromSlash(dir), options, nil
}
