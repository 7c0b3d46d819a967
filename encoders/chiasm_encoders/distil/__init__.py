"""Training small encoders: of pictures and sounds with no pretrained weights, of anything in a teacher's place.

The text tower is locked (LiT, Zhai 2022) and the other modalities are bound to it (ImageBind, Girdhar 2023);
graph neighbours supervise as labels, and two views of one item must agree, so that it also works without text
or graph. Without text, pictures and sounds of one entity teach each other.
"""

from chiasm_encoders.distil.audio import train_audio_student
from chiasm_encoders.distil.config import AudioStudentConfig, ImageStudentConfig, PairConfig
from chiasm_encoders.distil.grid_student import GridImitationConfig, GridTeaching
from chiasm_encoders.distil.image import train_image_student
from chiasm_encoders.distil.imitation import ImitationConfig
from chiasm_encoders.distil.ladders import LADDERS
from chiasm_encoders.distil.pairs import Pictures, Sounds, train_paired_students
from chiasm_encoders.distil.picture_views import picture_views
from chiasm_encoders.distil.query_student import (
    parameter_count,
    train_query_student,
    untrained_query_student,
)
from chiasm_encoders.distil.run import training_vectors
from chiasm_encoders.distil.sound_views import sound_views
from chiasm_encoders.distil.supervision import Supervision
from chiasm_encoders.distil.teacher import FrozenTeacher
from chiasm_encoders.distil.teaching import Teaching
from chiasm_encoders.distil.text import TextTuningConfig, tune_text_encoder
from chiasm_encoders.distil.text_student import TextTeaching
from chiasm_encoders.distil.wording import Wording

__all__ = [
    "LADDERS",
    "AudioStudentConfig",
    "FrozenTeacher",
    "GridImitationConfig",
    "GridTeaching",
    "ImageStudentConfig",
    "ImitationConfig",
    "PairConfig",
    "Pictures",
    "Sounds",
    "Supervision",
    "Teaching",
    "TextTeaching",
    "TextTuningConfig",
    "Wording",
    "parameter_count",
    "picture_views",
    "sound_views",
    "train_audio_student",
    "train_image_student",
    "train_paired_students",
    "train_query_student",
    "training_vectors",
    "tune_text_encoder",
    "untrained_query_student",
]
