package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/concord-trust/concord/member"
)

// browser starts Chromium, or skips where there is none; CI has one.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("CONCORD_CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path == "" {
			path, _ = exec.LookPath(name) //nolint:errcheck // not there: the next one
		}
	}
	if path == "" {
		if os.Getenv("CONCORD_CI") == "1" {
			t.Fatal("Chromium is not there; .ci/run installs it")
		}
		t.Skip("skipped: Chromium is not installed; CONCORD_CHROMIUM names one elsewhere")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	act(t, ctx) // starts it; a limit on this very context would end the browser
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// artifacts is where screenshots are kept: a folder that CI keeps, or one of
// the test's own.
func artifacts(t *testing.T) string {
	dir := os.Getenv("CONCORD_ARTIFACTS")
	if dir == "" {
		return t.TempDir()
	}
	dir = filepath.Join(dir, "pages")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func demo(t *testing.T, reports int) (*Trust, Summary) {
	t.Helper()
	d := Demo{Seed: 1, Reports: reports, Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	tr, s, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr, s
}

// act runs steps in the browser, and get one that returns something.
func act(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// command sends one command of the browser's protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// scheme has the browser prefer light or dark pages.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// watch gathers what a page should never cause: errors in the console, and
// requests to anybody but the hub.
type watch struct {
	mu   sync.Mutex
	home string
	bad  []string
}

func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		w.bad = append(w.bad, "script failed: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		w.bad = append(w.bad, "the console was written to: "+string(e.Type))
	case *cdplog.EventEntryAdded:
		// That a page answered 401 or 404 is no fault of the page.
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			w.bad = append(w.bad, "console error: "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, w.home+"/") {
			w.bad = append(w.bad, "asked elsewhere: "+e.Request.URL)
		}
	}
}

// take returns what was seen since it was last asked.
func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	bad := w.bad
	w.bad = nil
	return bad
}

// faint lists texts whose contrast with what is behind them is below 4.5:1
// (WCAG 2.2 AA for text of any size).
const faint = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c.slice(0, 3);
		}
		return [255, 255, 255];
	};
	const out = [];
	for (const e of document.body.querySelectorAll("*")) {
		const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join(" ").trim();
		if (!text || e.tagName === "title" || e.closest(".skip") || !e.getClientRects().length) continue;
		const style = getComputedStyle(e), svg = e instanceof SVGElement;
		const a = light(parse(svg ? style.fill : style.color).slice(0, 3)), b = light(behind(svg ? e.closest("div") : e));
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (contrast < 4.5) out.push(contrast.toFixed(2) + " " + text.slice(0, 40));
	}
	return out.slice(0, 5);
})()`

// walk is one way through the pages.
type walk struct {
	t   *testing.T
	ctx context.Context
	dir string
	*watch
}

// look opens a page, keeps pictures of it as on a desk and on a phone, in both
// colour schemes, and checks what must hold of every page. It returns the
// page's text.
func (w walk) look(name, url string) string {
	t, ctx := w.t, w.ctx
	t.Helper()
	act(t, ctx, scheme("light"), chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url), chromedp.WaitReady("#main"))
	title, text := get(t, ctx, chromedp.Text("h1")), get(t, ctx, chromedp.Text("main"))
	w.legible(name, "light")
	w.keep(name + "-desk-light")
	if size := get(t, ctx, chromedp.Evaluate[int64](`new Blob([document.documentElement.outerHTML]).size`)); size > 100_000 {
		t.Errorf("%s: the page has %d bytes; 100 kB is the limit", name, size)
	}
	act(t, ctx, scheme("dark"), chromedp.EmulateViewport(320, 700))
	if wide := get(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > 320 {
		t.Errorf("%s: at 320 px the page is %d px wide", name, wide)
	}
	w.legible(name, "dark")
	act(t, ctx, chromedp.EmulateViewport(360, 800))
	w.keep(name + "-phone-dark")
	for _, bad := range w.take() {
		t.Errorf("%s: %s", name, bad)
	}
	if len(strings.Fields(title)) < 4 {
		t.Errorf("%s: the title %q does not say what the page found", name, title)
	}
	t.Logf("%-34s %s", name, title)
	return text
}

func (w walk) legible(name, scheme string) {
	w.t.Helper()
	for _, f := range get(w.t, w.ctx, chromedp.Evaluate[[]string](faint)) {
		w.t.Errorf("%s, %s: too faint: %s", name, scheme, f)
	}
}

func (w walk) keep(name string) {
	w.t.Helper()
	picture := get(w.t, w.ctx, chromedp.FullScreenshot(100)) // 100 is PNG
	if err := os.WriteFile(filepath.Join(w.dir, name+".png"), picture, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// finding is look for a page of data: its title holds a number, or says that
// there is none.
func (w walk) finding(name, url string) string {
	w.t.Helper()
	text := w.look(name, url)
	title := get(w.t, w.ctx, chromedp.Text("h1"))
	if !strings.ContainsAny(title, "0123456789") && !strings.HasPrefix(title, "No ") && !strings.HasPrefix(title, "Your organisation has") {
		w.t.Errorf("%s: the title %q holds no number", name, title)
	}
	return text
}

// link is the address of the first link that a selector finds on the page at
// hand.
func (w walk) link(selector string) string {
	w.t.Helper()
	return get(w.t, w.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q).href`, selector)))
}

// focused asks something of the element that has the keyboard.
func (w walk) focused(expression string) string {
	w.t.Helper()
	return get(w.t, w.ctx, chromedp.Evaluate[string](`(e => String(`+expression+`))(document.activeElement)`))
}

// press tabs until the element with the keyboard matches, presses it, and
// waits for the page to which that leads.
func (w walk) press(selector string) {
	w.t.Helper()
	for range 60 {
		act(w.t, w.ctx, chromedp.KeyEvent("\t"))
		if w.focused(fmt.Sprintf("e.matches(%q)", selector)) == "true" {
			if w.focused(`getComputedStyle(e).outlineStyle`) == "none" {
				w.t.Errorf("%s: nothing shows where the keyboard is", selector)
			}
			if _, err := chromedp.RunResponse(w.ctx, chromedp.KeyEvent("\r")); err != nil {
				w.t.Fatalf("%s: %v", selector, err)
			}
			return
		}
	}
	w.t.Fatalf("the keyboard does not reach %s", selector)
}

func TestEachStakeWalksThePages(t *testing.T) {
	ctx := browser(t)
	tr, _ := demo(t, 2500)
	w := walk{t, ctx, artifacts(t), &watch{home: tr.URL}}
	if err := chromedp.Listen(ctx, w.see); err != nil {
		t.Fatal(err)
	}
	// Nobody needs script here.
	act(t, ctx, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	w.look("welcome", tr.URL+"/")
	w.look("words", tr.URL+"/words")
	visitors, err := tr.Visitors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(visitors) != 3 {
		t.Fatalf("%d visitors; one of each stake is expected", len(visitors))
	}
	for _, v := range visitors {
		t.Run(string(v.Stake), func(t *testing.T) {
			w := w
			w.t = t
			w.visit(tr.URL, v)
		})
	}
}

// visit is the way of one person: in by the keyboard, through every page, and
// out again.
func (w walk) visit(home string, v Visitor) {
	t, name := w.t, string(v.Stake)
	w.look(name+"-signin", v.Link)
	w.press("main form button")
	w.look(name+"-home", home+"/")

	sector := home + "/sectors/finance"
	if text := w.finding(name+"-picture", sector); !strings.Contains(text, "Incidents by kind of action and quarter") {
		t.Errorf("%s: the picture shows no statistics", name)
	}
	w.keyboard(name)
	w.finding(name+"-statistics", sector+"/statistics")
	if rows := get(t, w.ctx, chromedp.Evaluate[int](`document.querySelectorAll("tbody tr").length`)); rows != 9 {
		t.Errorf("%s: %d statistics are listed, want 9", name, rows)
	}
	w.finding(name+"-statistic", w.link("tbody a"))
	w.finding(name+"-incidents", sector+"/incidents")
	incident := w.link("tbody a")
	w.finding(name+"-incidents-asked", sector+"/incidents?action=hacking&only=joined")
	text := w.finding(name+"-incident", incident)
	if !strings.Contains(text, "What is withheld") {
		t.Errorf("%s: the incident does not say what is withheld", name)
	}
	if strings.Contains(text, "contact the security desk") {
		t.Errorf("%s: a narrative is shown", name)
	}
	w.finding(name+"-campaigns", sector+"/campaigns")
	w.finding(name+"-campaign", w.link("tbody a"))
	w.finding(name+"-indicators", sector+"/indicators")
	w.finding(name+"-releases", sector+"/releases")
	w.finding(name+"-release", w.link("tbody a"))
	w.finding(name+"-mine", home+"/mine")
	w.finding(name+"-reconcile", home+"/reconcile")
	w.finding(name+"-terms", home+"/terms")
	if v.Stake == member.Research {
		w.look(name+"-nothing", home+"/incidents/i-aaaaaaaaaaaaaaaaaaaaaaaaaa")
		w.look(name+"-refused", sector+"/incidents?for=investigate")
	}

	act(t, w.ctx, chromedp.Navigate(sector))
	w.press(".who button")
	if out := get(t, w.ctx, chromedp.Text("main")); !strings.Contains(out, "The session is over") {
		t.Errorf("%s: signing out leads to %q", name, out)
	}
	// A link that was used signs nobody in again.
	act(t, w.ctx, chromedp.Navigate(v.Link))
	w.press("main form button")
	if again := get(t, w.ctx, chromedp.Text("[role=alert]")); !strings.Contains(again, "used") {
		t.Errorf("%s: a used link says %q", name, again)
	}
	w.look(name+"-out", home+"/signin?out=1")
}

// keyboard holds that the first key leads past the navigation to the content.
func (w walk) keyboard(name string) {
	w.t.Helper()
	act(w.t, w.ctx, chromedp.EmulateViewport(1280, 900), chromedp.KeyEvent("\t"))
	if skips := w.focused("e.className"); skips != "skip" {
		w.t.Errorf("%s: the first Tab reaches %q, not the link to the content", name, skips)
	}
	act(w.t, w.ctx, chromedp.KeyEvent("\r"), chromedp.KeyEvent("\t"))
	if within := w.focused(`e.closest("main") !== null && e.matches("a, button, input, select, summary, [tabindex]")`); within != "true" {
		w.t.Errorf("%s: after the link to the content, Tab reaches %s", name, w.focused("e.outerHTML.slice(0, 80)"))
	}
}
