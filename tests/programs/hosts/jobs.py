"""The application as a task of Celery; messages are files."""
import os

import app
import celery

HERE = os.path.dirname(os.path.abspath(__file__))
os.makedirs(os.path.join(HERE, "queue"), exist_ok=True)
FOLDERS = {"data_folder_in": os.path.join(HERE, "queue"), "data_folder_out": os.path.join(HERE, "queue"),
           "control_folder": os.path.join(HERE, "control")}
queue = celery.Celery("jobs", broker="filesystem://", broker_transport_options=FOLDERS)


@queue.task
def die(depth):
    app.handle(HERE, depth)
