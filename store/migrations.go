package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/concord-trust/concord/fault"
)

// Numbered SQL, a folder per kind of record, for both engines: see [spoken]. A
// migration that was part of a version in use is never changed: a new one is
// added.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the schema to the newest version that this program knows.
// A newer one is refused, since its meaning is unknown here.
func (d *database) migrate(ctx context.Context) error {
	numbered, err := fs.Sub(migrations, "migrations/"+d.kind.name)
	if err != nil {
		return fmt.Errorf("find the migrations of %s: %w", d.kind.called, err)
	}
	p, err := goose.NewProvider(d.dialect(), d.writer, d.spoken(numbered), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations of %s: %w", d.kind.called, err)
	}
	// Two processes may open a new record at once; the one that comes second
	// finds the first one's tables and looks again.
	for attempt := 1; ; attempt++ {
		if err := d.refuseNewer(ctx, p); err != nil {
			return err
		}
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || attempt == 10 {
			return fault.New(fault.Internal, "store.migration",
				"the schema of %s could not be brought up to date; it is as it was before", d.kind.called).At(d.path).Because(err)
		}
	}
}

func (d *database) refuseNewer(ctx context.Context, p *goose.Provider) error {
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		// Only the race for the version table of a new file ends here; Up
		// meets the same error if it is another one.
		return nil
	}
	if current > newest {
		return fault.New(fault.Usage, "store.newer_schema",
			"%s has schema version %d, this program knows up to %d; open it with the newer Concord that wrote it", d.kind.called, current, newest).At(d.path)
	}
	return nil
}
