from django.urls import path

from notifications.api.campaigns import (
    CampaignAudience,
    CampaignClone,
    CampaignDetail,
    CampaignLaunch,
    CampaignList,
    CampaignPause,
    CampaignReopen,
    CampaignReportView,
    CampaignResume,
    CampaignStop,
    CampaignSubmit,
)
from notifications.api.codes import OfferCodes
from notifications.api.coupons import CouponDetail, CouponList
from notifications.api.inbox import InboxDismiss, InboxList, InboxRead
from notifications.api.offers import OfferDetail, OfferList
from notifications.api.points import CustomerPoints, PointsCoupon
from notifications.api.redemption import CouponCommit, CouponRelease, CouponReserve, CouponReturn, CouponValidate
from notifications.api.reports import CampaignReportTable
from notifications.api.segments import SegmentCount, SegmentDetail, SegmentExplain, SegmentList, SegmentMembers
from notifications.api.suppressions import SuppressionList, SuppressionLookUp, SuppressionRemoval
from notifications.api.triggers import CampaignTrigger

urlpatterns = [
    path("segments/", SegmentList.as_view(), name="segment-list"),
    path("segments/explain/", SegmentExplain.as_view(), name="segment-explain"),
    path("segments/<int:pk>/", SegmentDetail.as_view(), name="segment-detail"),
    path("segments/<int:pk>/count/", SegmentCount.as_view(), name="segment-count"),
    path("segments/<int:pk>/members/", SegmentMembers.as_view(), name="segment-members"),
    path("offers/", OfferList.as_view(), name="offer-list"),
    path("offers/<int:pk>/", OfferDetail.as_view(), name="offer-detail"),
    path("offers/<int:pk>/codes/", OfferCodes.as_view(), name="offer-codes"),
    path("customers/<path:external_id>/points/coupon/", PointsCoupon.as_view(), name="customer-points-coupon"),
    path("customers/<path:external_id>/points/", CustomerPoints.as_view(), name="customer-points"),
    path("coupons/", CouponList.as_view(), name="coupon-list"),
    path("coupons/<str:code>/", CouponDetail.as_view(), name="coupon-detail"),
    path("coupons/<str:code>/validate/", CouponValidate.as_view(), name="coupon-validate"),
    path("coupons/<str:code>/reserve/", CouponReserve.as_view(), name="coupon-reserve"),
    path("coupons/<str:code>/commit/", CouponCommit.as_view(), name="coupon-commit"),
    path("coupons/<str:code>/release/", CouponRelease.as_view(), name="coupon-release"),
    path("suppressions/", SuppressionList.as_view(), name="suppression-list"),
    path("suppressions/look-up/", SuppressionLookUp.as_view(), name="suppression-look-up"),
    path("suppressions/remove/", SuppressionRemoval.as_view(), name="suppression-remove"),
    path("inbox/", InboxList.as_view(), name="inbox-list"),
    path("inbox/<int:pk>/read/", InboxRead.as_view(), name="inbox-read"),
    path("inbox/<int:pk>/dismiss/", InboxDismiss.as_view(), name="inbox-dismiss"),
    path("coupons/<str:code>/return/", CouponReturn.as_view(), name="coupon-return"),
    path("campaigns/", CampaignList.as_view(), name="campaign-list"),
    path("campaigns/<int:pk>/", CampaignDetail.as_view(), name="campaign-detail"),
    path("campaigns/<int:pk>/trigger/", CampaignTrigger.as_view(), name="campaign-trigger"),
    path("campaigns/<int:pk>/audience/", CampaignAudience.as_view(), name="campaign-audience"),
    path("campaigns/<int:pk>/clone/", CampaignClone.as_view(), name="campaign-clone"),
    path("campaigns/<int:pk>/submit/", CampaignSubmit.as_view(), name="campaign-submit"),
    path("campaigns/<int:pk>/reopen/", CampaignReopen.as_view(), name="campaign-reopen"),
    path("campaigns/<int:pk>/launch/", CampaignLaunch.as_view(), name="campaign-launch"),
    path("campaigns/<int:pk>/pause/", CampaignPause.as_view(), name="campaign-pause"),
    path("campaigns/<int:pk>/resume/", CampaignResume.as_view(), name="campaign-resume"),
    path("campaigns/<int:pk>/stop/", CampaignStop.as_view(), name="campaign-stop"),
    path("campaigns/<int:pk>/report/", CampaignReportView.as_view(), name="campaign-report"),
    path("campaigns/<int:pk>/report.csv", CampaignReportTable.as_view(), name="campaign-report-table"),
]
