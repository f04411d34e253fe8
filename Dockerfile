# One image for web, workers and beat. Embedded servers and the demo are left out.
FROM python:3.11-slim AS build
# The CPU build of torch is a tenth of the size. For NVIDIA GPUs: docker compose build --build-arg TORCH_INDEX=
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        ${TORCH_INDEX:+--extra-index-url ${TORCH_INDEX}} -r /requirements.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --create-home apropos && install -d -o apropos /app /app/var /app/var/media
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
RUN python manage.py collectstatic --no-input --verbosity 0 && chown -R apropos /app/var
USER apropos
VOLUME /app/var/media
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4", "--access-logfile", "-"]
