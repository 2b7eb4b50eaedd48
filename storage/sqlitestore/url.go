package sqlitestore

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"reconnect.example/storage"
)

func init() {
	storage.Register("sqlite", func(ctx context.Context, u *url.URL) (storage.Driver, error) {
		path, options, err := fromURL(u)
		if err != nil {
			return nil, err
		}
		return Open(ctx, path, options)
	})
}

// fromURL takes apart sqlite:///absolute/path.db and sqlite:relative/path.db.
// What it does not know it refuses: a mistyped option must not be an option not
// set, and in sqlite://data/x.db the folder would silently be lost.
func fromURL(u *url.URL) (path string, options *Options, err error) {
	refuse := func(why string) (string, *Options, error) {
		return "", nil, fmt.Errorf("%w: %s; write sqlite:///absolute/path.db or sqlite:relative/path.db", storage.ErrInvalid, why)
	}
	if u.Host != "" || u.User != nil {
		return refuse("what follows // is read as the name of a host")
	}
	if u.Fragment != "" {
		return refuse("a # in the path must be written %23")
	}
	path = u.Path
	if u.Opaque != "" {
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return refuse("the path has a broken escape")
		}
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
	return filepath.FromSlash(path), options, nil
}
