import gc
import subprocess
import sys

from django.urls import get_urlconf, resolvers

from config.web import load_pages


def test_what_pages_need_is_loaded_and_set_aside_before_the_first_is_asked_for():
    resolvers._get_cached_resolver.cache_clear()
    try:
        load_pages()
        assert "url_patterns" in vars(resolvers.get_resolver(get_urlconf()))
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


def test_servers_start_so():
    program = "import gc, config.wsgi; print(gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    assert int(done.stdout) > 10_000
