from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from recommendations.choices import Architecture
from recommendations.ml.precision import FLOAT32, PRECISIONS
from recommendations.models import TrainingRun
from recommendations.registry import verdict
from recommendations.tasks import train_model
from recommendations.training import DEFAULT_CONFIG, cancel_training, start_training


class TrainingSerializer(serializers.ModelSerializer[TrainingRun]):
    verdict = serializers.SerializerMethodField(help_text="Which model serves now, and why; empty until the end.")

    class Meta:
        model = TrainingRun
        fields = (
            *("id", "architecture", "config", "status", "progress", "activity", "eta_seconds", "metrics", "verdict"),
            *("error", "customers", "items", "interactions", "created_at", "started_at", "finished_at"),
        )
        read_only_fields = fields

    def get_verdict(self, run: TrainingRun) -> str:
        return verdict(run)


class NewTraining(serializers.Serializer[Any]):
    architecture = serializers.ChoiceField(Architecture.choices, default=Architecture.TRANSFORMER)
    time_budget = serializers.IntegerField(
        min_value=10, max_value=24 * 3600, default=DEFAULT_CONFIG["time_budget"], help_text="Seconds."
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=DEFAULT_CONFIG["seed"])
    precision = serializers.ChoiceField(PRECISIONS, default=FLOAT32, help_text="Of the stored models.")


class HasEnded(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "has_ended"
    default_detail = "This training has ended already."


@extend_schema_view(
    get=extend_schema(summary="Trainings, with their progress and figures", tags=["recommendations"]),
)
class Trainings(generics.ListAPIView[TrainingRun]):
    queryset = TrainingRun.objects.order_by("pk")
    serializer_class = TrainingSerializer

    @extend_schema(
        summary="Start a training",
        description="Queued at once, run by a worker of the queue `gpu`. A model that is better than the one that "
        "serves, on the same held-out orders, takes its place, and everybody is scored.",
        tags=["recommendations"],
        request=NewTraining,
        responses={202: TrainingSerializer},
    )
    def post(self, request: Request, *_: Any, **__: Any) -> Response:
        asked = NewTraining(data=request.data)
        asked.is_valid(raise_exception=True)
        config = dict(asked.validated_data)
        run = start_training(architecture=config.pop("architecture"), config=config)
        transaction.on_commit(lambda: train_model.delay(run.pk, then_score=True))
        return Response(TrainingSerializer(run).data, status=status.HTTP_202_ACCEPTED)


@extend_schema_view(get=extend_schema(summary="One training", tags=["recommendations"]))
class Training(generics.RetrieveAPIView[TrainingRun]):
    queryset = TrainingRun.objects.all()
    serializer_class = TrainingSerializer


class TrainingCancel(generics.GenericAPIView[TrainingRun]):
    queryset = TrainingRun.objects.all()
    serializer_class = TrainingSerializer

    @extend_schema(
        summary="Stop a training",
        tags=["recommendations"],
        request=None,
        responses={200: TrainingSerializer, 409: OpenApiResponse(description="It has ended already.")},
    )
    def post(self, request: Request, *_: Any, **__: Any) -> Response:
        run = self.get_object()
        if not cancel_training(training_run=run):
            raise HasEnded
        run.refresh_from_db()
        return Response(self.get_serializer(run).data)
